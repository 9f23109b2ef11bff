"""The sweep: what no event wakes. Due chunks without an entry, waiting receipts, counts."""

from __future__ import annotations

from disparo import queue
from disparo.db import chunks, day, messages
from disparo.db.pool import Pool
from disparo.dispatch import receipts

#: A chunk due for so long with no live entry has lost it.
OVERDUE_S = 5.0
#: After so long nobody can still be adding messages to a chunk: its entry had to wait, and they to hold it.
_EMPTIED_S = 120.0
_AT_ONCE = 500
_BUSY = ("claims", "waiting_chunks", "workers", "platform_rates", "platform_lanes", "bulk_turns")


async def wake_forgotten_chunks(pool: Pool) -> int:
    """Make entries for due chunks that have none; gives how many."""
    async with pool.acquire() as connection, connection.transaction():
        due = await chunks.list_due(connection, overdue_s=OVERDUE_S, limit=_AT_ONCE)
        if not due:
            return 0
        alive = await queue.chunks_with_entry(connection, due)
        forgotten = [chunk_id for chunk_id in due if chunk_id not in alive]
        await queue.enqueue(connection, [queue.WakeUp(chunk_id) for chunk_id in forgotten])
    return len(forgotten)


async def vacuum_queue(pool: Pool) -> None:
    """Free what small tables that turn over all the time no longer use.

    The database's own housekeeping comes by when it is done with the large ones, which takes it longer the
    more they hold. Whoever finds a table in hand leaves it alone; no page is given back, so nobody waits.
    """
    async with pool.acquire() as connection:
        await connection.execute(f"VACUUM (SKIP_LOCKED, TRUNCATE false) {queue.table()}, {', '.join(_BUSY)}")


async def tidy(pool: Pool) -> None:
    """Rematch waiting receipts, strike off chunks that nobody did, fold counts."""
    await receipts.apply_waiting(pool)
    await receipts.give_up_unmatched(pool)
    async with pool.acquire() as connection:
        await chunks.end_emptied(connection, overdue_s=_EMPTIED_S)
    async with pool.acquire() as connection, connection.transaction():
        await messages.fold_counts(connection)


async def fold_day(pool: Pool) -> None:
    """Fold what happened into the day's figures."""
    async with pool.acquire() as connection:
        await day.fold(connection)
