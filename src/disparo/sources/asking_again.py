"""Asks a source again for single invoices, customer by customer, and stores what it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import asyncpg
import structlog

from disparo.db import sync_states
from disparo.db.customers import CustomerRow, InvoiceRow
from disparo.db.pool import ROW_REFUSED, TRANSIENT, Connection, Pool
from disparo.dispatch.freshness import SourceDown
from disparo.sources.base import Page, RegisterSource, SourceRefused
from disparo.sources.moved import NOWHERE, find_moved

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Customers; and where so many on end have no answer it is not about one of them.
_AT_ONCE = 8
#: A message waits for this question: a source that is slower is as good as down.
ANSWER_WITHIN_S = 5.0
#: By their ids, of those that a customer's list lacks: where so many are missing they were deleted.
_LOOKED_UP = 10
#: Of the invoices that have no answer, in a line of the log.
_NAMED = 20


@dataclass(slots=True)
class AskingAgain:
    """One asking. `store`, `find_strangers` and `turn` are those of the source's sync."""

    pool: Pool
    source: RegisterSource
    store: Callable[[Connection, Page], Awaitable[set[int]]]
    find_strangers: Callable[[Sequence[InvoiceRow]], Awaitable[list[int]]]
    turn: asyncio.Lock
    answer_within_s: float = ANSWER_WITHIN_S
    _failed_on_end: int = 0
    _has_answered: bool = False
    _failure: str = ""

    async def ask(self, by_customer: Mapping[int, Sequence[tuple[int, date]]]) -> set[int]:
        """Ask for invoices, each with its due day; gives those of which there is no answer that can be read.

        Raises SourceDown where there is none of any, or of so many on end that it is down by now.
        """
        free = asyncio.Semaphore(_AT_ONCE)
        unanswered: set[int] = set()

        async def one(customer_id: int, wanted: Sequence[tuple[int, date]]) -> None:
            async with free:
                unanswered.update(await self._tried(customer_id, wanted))

        failed: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for customer_id, wanted in by_customer.items():
                    group.create_task(one(customer_id, wanted))
        except* TRANSIENT as errors:  # the database: whoever asks knows it by its own name, not in a group
            failed = errors.exceptions[0]
        if failed is not None:  # raised above it would be a group of one, in some 3.11
            raise failed
        if self._failure and (not self._has_answered or self._is_down):
            raise SourceDown(self._failure)
        if unanswered:
            named = sorted(unanswered)[:_NAMED]
            log.warning("source_has_no_answer", source=self.source.name, invoices=named, error=self._failure)
        return unanswered

    @property
    def _is_down(self) -> bool:
        return self._failed_on_end >= _AT_ONCE

    async def _tried(self, customer_id: int, wanted: Sequence[tuple[int, date]]) -> set[int]:
        if self._is_down:
            return {id_ for id_, _ in wanted}
        try:
            unread = await self._ask_for(customer_id, wanted)
        except (SourceDown, SourceRefused) as error:
            self._failed_on_end += 1
            self._failure = str(error)
            return {id_ for id_, _ in wanted}
        self._failed_on_end, self._has_answered = 0, True
        return unread

    async def _ask_for(self, customer_id: int, wanted: Sequence[tuple[int, date]]) -> set[int]:
        """Store a customer's invoices; gives the wanted ones that may be there, and were not read."""
        days, asked_at = sorted({day for _, day in wanted}), datetime.now(UTC)
        page = await _Patience(self.answer_within_s).of(self.source.fetch_invoices(customer_id, days))
        try:
            async with self.turn, self.pool.acquire() as connection, connection.transaction():
                await self.store(connection, page)
            lacking = {id_ for id_, _ in wanted} - {row["id"] for row in page.invoices}
            if not lacking or page.left_out:  # one that is there and could not be read is not gone
                return lacking
            await self._look_for_gone(customer_id, sorted(lacking), asked_at)
        except ROW_REFUSED as error:  # it is about this customer alone: the others must not wait for that
            raise SourceRefused(say_refused(error)) from None
        return set()

    async def _look_for_gone(self, customer_id: int, gone: Sequence[int], asked_at: datetime) -> None:
        """Store what has another customer now, one by one; what is nowhere is cancelled."""
        patience = _Patience(self.answer_within_s)
        for place, id_ in enumerate(gone):
            asking = place < _LOOKED_UP
            found = await patience.of(find_moved(self.source, customer_id, id_)) if asking else NOWHERE
            strangers = await self.find_strangers(found.invoices)
            customers = await patience.of(self._fetch_customers(strangers)) if strangers else []
            page = replace(found, customers=customers)
            async with self.turn, self.pool.acquire() as connection, connection.transaction():
                await self.store(connection, page)
                if not any(row["customer_id"] == customer_id for row in found.invoices):
                    await sync_states.mark_gone(connection, id_, customer_id, asked_at=asked_at)

    async def _fetch_customers(self, ids: Sequence[int]) -> list[CustomerRow]:
        return [row async for row in self.source.fetch_customers(ids)]


def say_refused(error: asyncpg.PostgresError) -> str:
    """Say that the database refused a row, by the error's name alone: its own words show whose row it is."""
    return f"O banco de dados recusou um registro ({type(error).__name__})."


class _Patience:
    """Waits for a source's answers, for a while in all; what the database takes in between does not count."""

    def __init__(self, seconds: float) -> None:
        self._left_s = seconds

    async def of(self, answer: Coroutine[Any, Any, T]) -> T:
        """Give an answer; raises SourceDown where it does not come in time."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left_s):
                return await answer
        except TimeoutError as error:
            raise SourceDown("no answer in time") from error
        finally:
            self._left_s -= time.monotonic() - began
