"""Puts claimed messages back to wait: those that cannot go now, were let go of, or a lost connection left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from disparo import queue
from disparo.db import bulk_slices, messages, workers
from disparo.db.messages import Move
from disparo.db.pool import Connection, Pool
from disparo.dispatch import reconcile
from disparo.dispatch.claims import Holder, Prepared
from disparo.domain.message import Event, Status


class Deferral(NamedTuple):
    """A message that waits: until when, why, and (`run`) the bulk run among whose chunks it does."""

    message_id: int
    until: datetime
    reason: str
    run: UUID | None = None


async def put_back(connection: Connection, waits: Sequence[Deferral], token: UUID) -> None:
    """Put messages of one claim back, in the caller's transaction; those no longer held by it are left alone.

    Messages that wait until the same moment get a chunk of their own, which is woken then. Those that wait
    with their bulk run join its chunks, which are taken in turns, and not at all while it is paused.
    """
    now: datetime = await connection.fetchval("SELECT now()")
    by_place: defaultdict[tuple[datetime, UUID | None], list[tuple[int, datetime, str]]] = defaultdict(list)
    for wait in waits:
        by_place[wait.until, wait.run].append((wait.message_id, wait.until, wait.reason))
    for (until, run), those in by_place.items():
        if run is not None:
            own = await bulk_slices.chunk_with_room(connection, run, due_at=until, count=len(those))
            if not await messages.put_back(connection, those, token=token, chunk_id=-own):
                await bulk_slices.end_chunk(connection, own, None)  # the run was cancelled meanwhile
            continue
        chunk_id = await messages.next_chunk(connection)
        into = await messages.put_back(connection, those, token=token, chunk_id=chunk_id)
        delay_s = max(0.0, (until - now).total_seconds())
        await queue.enqueue(connection, [queue.WakeUp(chunk, delay_s) for chunk in into])


async def let_go(pool: Pool, items: Sequence[Prepared], reason: str) -> None:
    """Put back, due at once, messages that were taken out of a lane."""
    by_token: defaultdict[UUID, list[int]] = defaultdict(list)
    for item in items:
        by_token[item.start.claim_token].append(item.start.message_id)
    try:
        for token, ids in by_token.items():
            async with pool.acquire() as connection, connection.transaction():
                now: datetime = await connection.fetchval("SELECT now()")
                await put_back(connection, [Deferral(id_, now, reason) for id_ in ids], token)
    finally:  # what the database did not take back now is found by the audit (`give_back`)
        for item in items:
            item.batch.settle()


async def give_back(pool: Pool, holder: Holder) -> int:
    """Give back what the table says we hold and we do not: the trace of a connection lost in a claim.

    `sending` without a live claim of ours becomes uncertain. Gives how many were found.
    """
    async with pool.acquire() as connection, connection.transaction():
        return await _give_back_strays(connection, holder)


async def leave(pool: Pool, holder: Holder) -> None:
    """Give back whatever the table says we hold, and leave: an orderly end.

    A claim that is under way is waited for, and one that comes after finds no worker: where the two are told
    apart by nothing, its messages would be in the hands of nobody who can be taken over.
    """
    holder.tokens.clear()
    holder.left = True
    async with pool.acquire() as connection, connection.transaction():
        await workers.lock(connection, holder.worker_id)
        await _give_back_strays(connection, holder)
        await workers.remove(connection, holder.worker_id)


async def _give_back_strays(connection: Connection, holder: Holder) -> int:
    rows = await messages.held_by(connection, holder.worker_id)
    strays = [row for row in rows if row["claim_token"] not in holder.tokens]
    moves = [
        Move(row["id"], Event.GIVE_BACK if row["status"] == "claimed" else Event.LOSE, "stray")
        for row in strays
    ]
    moved = await messages.apply_events(connection, moves, actor="worker") if moves else []
    waiting = [item.message_id for item in moved if item.after is Status.QUEUED]
    if waiting:
        chunk_id = await messages.next_chunk(connection)
        into = await messages.rechunk(connection, waiting, chunk_id=chunk_id)
        await queue.enqueue(connection, [queue.WakeUp(chunk) for chunk in into])
    await reconcile.try_again(
        connection, [item.message_id for item in moved if item.after is Status.UNCERTAIN]
    )
    await messages.forget_claims(connection, holder.worker_id, holder.tokens)
    return len(strays)
