"""Queues bulk runs: carves slices of invoices from a run and stores their messages, in several processes.

The messages of a slice and the end of its row are one transaction: a process that dies leaves the slice
whole, for another to take. Several slices are worked on at once; a paused or cancelled run is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache, lru_cache

import asyncpg
import structlog

from disparo import failpoints
from disparo.db import alerts, bulk_runs, bulk_slices, numbers
from disparo.db.bulk_slices import SLICE, Closed
from disparo.db.pool import TRANSIENT, Connection, Pool
from disparo.dispatch.rules import Rules
from disparo.domain.phone import DDDS
from disparo.domain.states import UFS
from disparo.domain.windows import Place, Purpose, next_allowed, place_of

log = structlog.get_logger(__name__)

_OTHERS_READ_S = 0.1
#: The key by which a dispatch messages a phone once for an invoice.
_ONCE = "messages_once"
#: Nowhere are sending hours over.
NEVER = Closed((), (), (), (), ())


class _Unread(Exception):
    """Phones were registered meanwhile that have not been read yet."""


async def queue_some(pool: Pool, rules: Rules) -> bool:
    """Queue one slice of some run, in transactions of its own; False where there is none, or not now."""
    if await _queue_slice(pool, rules):
        return True
    async with pool.acquire() as connection, connection.transaction():
        return await _carve(connection)


async def read_numbers(pool: Pool) -> int:
    """Read registered phones that were not read yet, a transaction each slice; gives how many rows."""
    done = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            count = await numbers.fill_slice(connection)
        if not count:
            return done
        done += count


async def read_or_wait(pool: Pool) -> None:
    """Read registered phones that were not read yet, or wait a moment for the process that is at it."""
    if not await read_numbers(pool):
        await asyncio.sleep(_OTHERS_READ_S)


async def _queue_slice(pool: Pool, rules: Rules) -> bool:
    row: asyncpg.Record | None = None
    try:
        async with pool.acquire() as connection, connection.transaction():
            row = await bulk_slices.lock_slice(connection)
            if row is None:
                return False
            await _store(connection, row, rules)
    except _Unread:
        await read_or_wait(pool)
    except TRANSIENT:
        raise
    except asyncpg.PostgresError as error:
        if row is None:
            raise
        return await _mend(pool, row, error)
    return True


async def _store(connection: Connection, row: asyncpg.Record, rules: Rules) -> None:
    due_at = max(row["now"], row["not_before"])
    failpoints.hit("before_slice")
    tally = await bulk_slices.queue_slice(
        connection,
        row,
        allowed=rules.allowed,
        due_at=due_at,
        closed=closed_at(due_at.replace(second=0, microsecond=0), rules),
    )
    if "unread" in tally:
        raise _Unread
    failpoints.hit("after_slice")


async def _mend(pool: Pool, row: asyncpg.Record, error: asyncpg.PostgresError) -> bool:
    """See to a slice that the database refused, so that no other waits for it; True: it may go now."""
    async with pool.acquire() as connection:
        if isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == _ONCE:
            await bulk_slices.drop_queued(connection, row["id"])
            return True
        await bulk_slices.put_last(connection, row["id"])
        # Tried again each second by every worker: one line tells it.
        if await alerts.raise_(connection, alerts.RUN_REFUSED, str(row["dispatch_id"])):
            log.error("slice_refused", slice_id=row["id"], error=type(error).__name__)
        return False


async def _carve(connection: Connection) -> bool:
    run = await bulk_slices.lock_uncarved(connection)
    if run is None:
        return False
    if run["total"] is None:
        await bulk_slices.set_total(connection, run["dispatch_id"], await _count(connection, run))
    if run["by_list"]:
        ids: Sequence[int] = run["next_ids"]
        end = (date.min, run["cursor_id"] + len(ids))
    else:
        page = await bulk_slices.page(
            connection,
            due_from=run["due_from"],
            due_to=run["due_to"],
            after=(run["cursor_due"], run["cursor_id"]),
            limit=SLICE,
        )
        ids, end = ([], (date.min, 0)) if page is None else (page.ids, (page.last_due, page.last_id))
    if ids:
        await bulk_slices.add_slice(connection, run["dispatch_id"], ids, end)
    if len(ids) < SLICE:  # at once: a small run that is cancelled a moment later was listed whole
        await bulk_runs.mark_carved(connection, run["dispatch_id"])
    return True


async def _count(connection: Connection, run: asyncpg.Record) -> int:
    if run["by_list"]:
        return int(run["listed"])
    return await bulk_slices.count_due(connection, due_from=run["due_from"], due_to=run["due_to"])


@lru_cache(maxsize=8)
def closed_at(minute: datetime, rules: Rules) -> Closed:
    """Give the places that are outside their sending hours in this minute, and when each opens.

    A notice that is overdue when it could go waits until a debt may be asked for, as `rules.opens_at` has
    it: at no other time than what is overdue now, for whenever that may go, a notice may.
    """

    @cache
    def opens(purpose: Purpose, place: Place) -> datetime:
        return next_allowed(minute, purpose, place=place, is_holiday=rules.is_holiday)

    found: list[tuple[bool, str, str, datetime, date]] = []
    for uf in (None, *sorted(UFS)):
        for ddd in sorted(DDDS):
            place = place_of(uf, ddd, default=rules.zone)
            opens_on = opens(Purpose.NOTICE, place).astimezone(rules.zone).date()
            found += [
                (purpose is Purpose.COLLECTION, uf or "", ddd, opens(purpose, place), opens_on)
                for purpose in (Purpose.NOTICE, Purpose.COLLECTION)
                if opens(purpose, place) > minute
            ]
    return Closed(*zip(*found, strict=True)) if found else NEVER
