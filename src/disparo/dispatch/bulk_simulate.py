"""Computes what a bulk run would come to (recipients, segments, cost, time) without storing anything."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache, partial

import asyncpg

from disparo.db import bulk_looks, bulk_slices, templates
from disparo.db.bulk_looks import Capped
from disparo.db.bulk_slices import SLICE
from disparo.db.pool import Connection, Pool
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_caps import Turns
from disparo.dispatch.bulk_estimate import (
    Duration,
    Estimate,
    FirstLine,
    Groups,
    Offer,
    Ways,
    estimate_all,
    named_ddds,
    ways_of,
)
from disparo.dispatch.bulk_queue import NEVER, closed_at, read_or_wait
from disparo.dispatch.rules import Rules
from disparo.domain.template import InvoiceText

#: Of how many lengths of text an invoice is named.
_EXAMPLES = 100


@dataclass(frozen=True, slots=True)
class Simulation:
    """`skipped`: by reason. `duration`: by the platforms used first, together.

    `examples`: some that go, and whether they are overdue by then.
    `first`: what it takes through the platforms used first; None where there is no platform.
    `out_of_reach`: recipients whose area code none of the platforms serves: their messages would wait until
    they fail.
    `recent`: recipients who were sent their invoice within a day, or are about to be. `others`: how many a
    run gets that leaves these out: more than the rest where they take turns of the frequency caps.
    `caps_are_known`: False where those may leave out more than `skipped` says. `openings`: of those who are
    outside their sending hours at `looked_at`, or the platforms', how many may go from when.
    """

    looked_at: datetime
    invoices: int
    recipients: int
    skipped: dict[str, int]
    estimates: Sequence[Estimate]
    duration: Duration | None
    first: FirstLine | None
    out_of_reach: int
    examples: Mapping[int, bool]
    recent: int
    others: int
    caps_are_known: bool
    openings: Mapping[datetime, int]

    @property
    def starts_at(self) -> datetime | None:
        """When the first may go; None: nobody goes."""
        if sum(self.openings.values()) < self.recipients:
            return self.looked_at
        return min(self.openings, default=None)


async def simulate_run(
    pool: Pool,
    selection: Selection,
    offers: Sequence[Offer],
    rules: Rules,
    *,
    at_any_hour: bool = False,
) -> Simulation:
    """Simulate a run, slice by slice, in memory that does not grow with it; with the template of now.

    `at_any_hour`: it goes as its customer asked for it.
    """
    async with pool.acquire() as connection:
        now: datetime = await connection.fetchval("SELECT now()")
        template = await templates.current(connection)
    rules = replace(rules, template=template or rules.template)
    today = now.astimezone(rules.zone).date()
    closed = NEVER if at_any_hour else closed_at(now.replace(second=0, microsecond=0), rules)
    turns = Turns(rules, now)
    alike = partial(
        bulk_looks.simulate_slice, allowed=rules.allowed, today=today, closed=closed, ddds=named_ddds(offers)
    )
    tally = _Tally(offers, rules, now)
    async with aclosing(_overlapping(_looks(pool, selection, turns, alike))) as rows:
        async for row in rows:
            tally.add(row)
    # Some thousand texts for each platform: calls are answered meanwhile.
    found = await asyncio.to_thread(
        estimate_all, offers, tally.groups, template=rules.template, max_parts=rules.max_parts
    )
    skipped, recipients = tally.skipped, sum(shapes.total() for shapes in tally.groups.values())
    recent = skipped.pop("recent", 0)
    return Simulation(
        looked_at=now,
        invoices=skipped.pop("invoices", 0),
        recent=recent,
        others=turns.others if turns.are_capped else recipients - recent,
        recipients=recipients,
        skipped=dict(skipped),
        estimates=found.each,
        duration=found.duration,
        first=found.first,
        out_of_reach=found.out_of_reach,
        examples=dict(sorted(tally.examples.items())),
        caps_are_known=turns.are_all_known,
        openings=tally.openings,
    )


class _Tally:
    """The rows of all slices (bulk_simulate.sql), put together."""

    def __init__(self, offers: Sequence[Offer], rules: Rules, now: datetime) -> None:
        self._offers, self._rules, self._now = offers, rules, now
        self._where = cache(self._look_where)  # for thousands of texts there are a few answers
        self.skipped: Counter[str] = Counter()
        self.openings: Counter[datetime] = Counter()
        self.groups: Groups = defaultdict(Counter)
        self.examples: dict[int, bool] = {}

    def add(self, row: asyncpg.Record) -> None:
        """Count a row in."""
        if row["what"] != "shape":
            self.skipped[row["what"]] += row["count"]
            return
        ways, goes_at = self._where(row["ddd"], row["opens_at"])
        text = InvoiceText.of(row, brand=self._rules.brand, is_overdue=row["overdue"])
        self.groups[ways][text] += row["count"]
        if goes_at is not None:
            self.openings[goes_at] += row["count"]
        if len(self.examples) < _EXAMPLES:
            self.examples.setdefault(row["id"], row["overdue"])

    def _look_where(self, ddd: str | None, opens_at: datetime | None) -> tuple[Ways, datetime | None]:
        """Give by which platforms it goes, and from when; None: now."""
        local = (opens_at or self._now).astimezone(self._rules.zone)
        ways, goes_at = ways_of(self._offers, ddd, local)
        return ways, None if opens_at is None and goes_at == local else goes_at.astimezone(UTC)


async def _looks(
    pool: Pool, selection: Selection, turns: Turns, alike: Callable[..., Awaitable[list[asyncpg.Record]]]
) -> AsyncIterator[Coroutine[None, None, list[asyncpg.Record]]]:
    async for ids in _slices(pool, selection):
        look = partial(alike, ids=ids, capped=await _capped(pool, ids, turns))
        yield _when_read(pool, look, "what")


async def _overlapping(
    looks: AsyncIterator[Coroutine[None, None, list[asyncpg.Record]]],
) -> AsyncGenerator[asyncpg.Record]:
    """Give the rows of each look, in their order, while the next one is under way: a run has a hundred."""
    ahead: asyncio.Task[list[asyncpg.Record]] | None = None
    try:
        async for look in looks:
            before, ahead = ahead, asyncio.create_task(look)
            for row in await before if before else ():
                yield row
        for row in await ahead if ahead else ():
            yield row
    finally:
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)


async def who_is_left_out(pool: Pool, selection: Selection, rules: Rules) -> AsyncIterator[asyncpg.Record]:
    """Give, slice by slice, who gets no SMS of a run, and why (bulk_left_out.sql)."""
    async with pool.acquire() as connection:
        turns = Turns(rules, await connection.fetchval("SELECT now()"))
    async for ids in _slices(pool, selection):
        capped = await _capped(pool, ids, turns)
        look = partial(bulk_looks.left_out, ids=ids, allowed=rules.allowed, capped=capped)
        for row in await _when_read(pool, look, "reason"):
            yield row


async def _slices(pool: Pool, selection: Selection) -> AsyncIterator[Sequence[int]]:
    if selection.invoice_ids is not None:
        for first in range(0, len(selection.invoice_ids), SLICE):
            yield selection.invoice_ids[first : first + SLICE]
        return
    after = (date.min, 0)
    while True:
        async with pool.acquire() as connection:
            page = await bulk_slices.page(
                connection, due_from=selection.due_from, due_to=selection.due_to, after=after, limit=SLICE
            )
        if page is None:
            return
        yield page.ids
        after = (page.last_due, page.last_id)


async def _capped(pool: Pool, ids: Sequence[int], turns: Turns) -> Capped:
    if not turns.are_capped:
        return ()
    return turns.too_many(await _when_read(pool, partial(turns.look, ids=ids), "what"))


async def _when_read(
    pool: Pool, look: Callable[[Connection], Awaitable[list[asyncpg.Record]]], told_in: str
) -> list[asyncpg.Record]:
    """Look at a slice when the phones of all its people are read."""
    while True:
        async with pool.acquire() as connection, connection.transaction():
            rows = await look(connection)
        if not any(row[told_in] == "unread" for row in rows):
            return rows
        await read_or_wait(pool)
