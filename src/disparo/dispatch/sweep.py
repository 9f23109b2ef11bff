"""Does what no event causes: wakes forgotten chunks, matches waiting receipts, folds counts."""

from __future__ import annotations

from disparo import queue
from disparo.db import chunks, day, messages, rates, unsettled
from disparo.db.pool import Pool
from disparo.dispatch import receipts

#: A chunk due for so long with no live entry has lost it.
OVERDUE_S = 5.0
#: After so long nobody can still be adding messages to a chunk: its entry had to wait, and they to hold it.
_EMPTIED_S = 120.0
_AT_ONCE = 500
_BUSY = ("claims", "waiting_chunks", "workers", "platform_rates", "platform_lanes", "bulk_turns")


async def wake_forgotten_chunks(pool: Pool) -> int:
    """Make queue entries for due chunks that have none; gives how many."""
    async with pool.acquire() as connection, connection.transaction():
        due = await chunks.list_due(connection, overdue_s=OVERDUE_S, limit=_AT_ONCE)
        if not due:
            return 0
        alive = await queue.chunks_with_entry(connection, due)
        forgotten = [chunk_id for chunk_id in due if chunk_id not in alive]
        await queue.enqueue(connection, [queue.WakeUp(chunk_id) for chunk_id in forgotten])
    return len(forgotten)


async def vacuum_queue(pool: Pool) -> None:
    """Free the unused room of small tables that turn over all the time.

    PostgreSQL's own housekeeping comes by when it is done with the large tables, which takes it the longer
    the more they hold. A table that somebody else vacuums is left alone, and no page is given back, so that
    nobody waits.
    """
    async with pool.acquire() as connection:
        await connection.execute(f"VACUUM (SKIP_LOCKED, TRUNCATE false) {queue.table()}, {', '.join(_BUSY)}")


async def match_receipts(pool: Pool) -> None:
    """Match waiting receipts; only after that was tried is the oldest of them given up."""
    await receipts.apply_waiting(pool)
    await receipts.give_up_unmatched(pool)


async def end_emptied(pool: Pool) -> None:
    """End chunks of which nothing waits."""
    async with pool.acquire() as connection:
        await chunks.end_emptied(connection, overdue_s=_EMPTIED_S)


async def bring_back_days(pool: Pool) -> None:
    """See to limits of 24 hours that a clock set back since has used up."""
    async with pool.acquire() as connection:
        await rates.bring_back_days(connection)


async def bring_back_waiting(pool: Pool) -> None:
    """See to messages that wait, or are uncertain, by a clock that was set back since."""
    async with pool.acquire() as connection, connection.transaction():
        found = await chunks.bring_back(connection, limit=_AT_ONCE)
        await queue.bring_forward(connection, found)
    async with pool.acquire() as connection:
        await unsettled.bring_back(connection, limit=_AT_ONCE)


async def fold_counts(pool: Pool) -> None:
    """Fold the counts of dispatches."""
    async with pool.acquire() as connection, connection.transaction():
        await messages.fold_counts(connection)


async def fold_day(pool: Pool) -> None:
    """Add what happened since the last time to the day's figures."""
    async with pool.acquire() as connection:
        await day.fold(connection)
