"""Asks a source for an invoice that a call names and we do not know: it may have been made just now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

import structlog

from disparo.db import erasure
from disparo.db.pool import ROW_REFUSED
from disparo.dispatch.freshness import SourceDown
from disparo.sources.base import PAID, Page, SourceRefused, joined
from disparo.sources.sync import Sync

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: How long whoever names an unknown invoice waits for it, and after how long it is looked for again.
PATIENCE_S, AGAIN_AFTER_S = 10.0, 15.0
#: Calls may name any number: the source is not to be asked for all of them at once.
_LOOKS_AT_ONCE = 4
#: As long as whoever's turn it is waits for a lock: those behind hear no later that nothing could be stored.
_TURN_WITHIN_S = 10.0
#: Of erased customers, in the memory of one process.
_MOST_KNOWN = 10_000


class Lookout:
    """Asks one source for single invoices, between the passes of its sync."""

    def __init__(self, sync: Sync) -> None:
        self._sync = sync
        self._looking = asyncio.Lock()
        self._looked_at, self._was_answered = float("-inf"), True
        self._free = asyncio.Semaphore(_LOOKS_AT_ONCE)
        self._not_there: dict[int, float] = {}
        self._of_erased: dict[int, int] = {}  # the customer of each

    async def look_for(self, invoice_id: int, *, patience_s: float, again_after_s: float) -> bool:
        """Look an unknown invoice up; where the source has no such search, bring what was made lately.

        False where the source gave no answer: nobody knows whether there is such an invoice. One that cannot
        be brought is not asked for again before `again_after_s`; that of an erased customer not before they
        may be stored again.
        """
        now = time.monotonic()
        self._not_there = {id_: at for id_, at in self._not_there.items() if now - at < again_after_s}
        if invoice_id in self._not_there or await self._is_erased(invoice_id):
            return True
        try:
            if not await self._look_up(invoice_id, now + patience_s):
                self._not_there[invoice_id] = time.monotonic()
        except SourceRefused:
            return await self.look_for_new(patience_s=patience_s, again_after_s=again_after_s)
        except SourceDown as error:
            self._note("look_for_failed", error)
            return False
        return True

    async def _look_up(self, invoice_id: int, until: float) -> bool:
        """Bring an invoice; False where it cannot be."""
        found = await self._ask(lambda: self._sync.source.fetch_invoice(invoice_id), until)
        if not found.invoices:
            return False
        try:
            missing = await self._store(found, until)
        except ROW_REFUSED as error:
            self._note("look_for_failed", error)
            return False
        self._of_erased[invoice_id] = found.invoices[0]["customer_id"]
        if len(self._of_erased) > _MOST_KNOWN:
            del self._of_erased[next(iter(self._of_erased))]
        return not missing and not await self._is_erased(invoice_id)

    async def _ask(self, question: Callable[[], Awaitable[T]], until: float) -> T:
        """Ask the source, by `until` on the monotonic clock; raises SourceDown.

        Nothing else is so hurried: a slow database has limits of its own, and must not be taken for a source
        that is down.
        """
        try:
            async with asyncio.timeout(until - time.monotonic()), self._free:
                return await question()
        except TimeoutError as error:
            raise SourceDown("no answer in time") from error

    async def _store(self, page: Page, until: float) -> set[int]:
        """Store a page and whom it names; gives the ids of invoices whose customer is missing."""
        strangers = await self._sync.find_strangers(page.invoices)
        page = joined(page, await self._ask(lambda: self._sync.fetch_customers(strangers), until))
        return await self._sync.store_in_turn(page, within_s=_TURN_WITHIN_S)

    async def _is_erased(self, invoice_id: int) -> bool:
        """Tell whether an invoice is known to be an erased customer's: they may have been readmitted."""
        if invoice_id not in self._of_erased:
            return False
        customer_id = self._of_erased[invoice_id]
        async with self._sync.pool.acquire() as connection:
            is_erased = customer_id in await erasure.among(connection, [customer_id])
        if not is_erased:
            self._of_erased.pop(invoice_id, None)  # another call may have come before
        return is_erased

    async def look_for_new(self, *, patience_s: float, again_after_s: float) -> bool:
        """Bring what was made lately, within `patience_s`; calls that come together share one look.

        Gives whether the last one, of no more than `again_after_s` seconds ago, was answered. What it cannot
        bring in time is brought by the next pass: a page that was stored stays.
        """
        async with self._looking:
            if time.monotonic() - self._looked_at < again_after_s:
                return self._was_answered
            try:
                await self._look_for_new(time.monotonic() + patience_s)
            except (SourceDown, SourceRefused, *ROW_REFUSED) as error:
                self._note("look_for_new_failed", error)
                self._was_answered = False
            else:
                self._was_answered = True
            self._looked_at = time.monotonic()
            return self._was_answered

    def _note(self, event: str, error: Exception) -> None:
        log.warning(event, source=self._sync.source.name, error=type(error).__name__)

    async def _look_for_new(self, until: float) -> None:
        today = datetime.now(self._sync.zone).date()
        steps = self._sync.source.recent_steps(today, today)
        for step in (step for step in steps if step.kind != PAID):
            number, is_last = 0, False
            while not is_last:
                page = await self._ask(partial(self._sync.source.fetch_page, step, number), until)
                await self._store(page, until)
                number, is_last = number + 1, page.is_last
