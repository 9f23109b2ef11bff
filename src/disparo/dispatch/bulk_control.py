"""Pauses, resumes and cancels bulk runs at any moment; messages that have not been started wait, or end.

The change of state is committed first, then the messages that workers hold are taken back. A message that
is claimed in between is stopped by the last look (`rules.py`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from disparo import queue
from disparo.db import accounts, bulk_messages, bulk_runs, bulk_slices, dispatch_pages, dispatches, messages
from disparo.db.messages import CHUNK_SIZE, Move
from disparo.db.pool import Connection, Pool
from disparo.dispatch.cancel import Cancelled
from disparo.dispatch.rounds import go_round
from disparo.domain.message import GONE, WITHDRAWABLE, Event, Status, count_in

#: Chunks cancelled in one transaction; and messages in none of them, which are all that a restore holds.
_CHUNKS, _STRAYS = 10, 5000
#: A caller waits so long for the end of a cancellation; the workers do the rest.
_PATIENCE_S = 3.0


class NotPossible(Exception):
    """A change that the run's `state` does not allow: it is over."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class _Change:
    before: tuple[str, ...]
    after: str
    action: str


_PAUSE = _Change(("running",), "paused", "bulk_run_paused")
_RESUME = _Change(("paused",), "running", "bulk_run_resumed")
_CANCEL = _Change(("running", "paused"), "cancelled", "bulk_run_cancelled")


async def pause_run(pool: Pool, dispatch_id: UUID, *, actor: str) -> bool:
    """Pause a run until it is resumed; False where there is no such run. Raises NotPossible."""
    async with pool.acquire() as connection, connection.transaction():
        if not await _change(connection, dispatch_id, _PAUSE, actor=actor):
            return False
    await take_back(pool, dispatch_id, actor=actor)
    return True


async def take_back_paused(pool: Pool) -> None:
    """Take back messages that workers still hold of paused runs, if whoever paused one died meanwhile."""
    async with pool.acquire() as connection:
        runs = await bulk_runs.paused(connection)
    await go_round({f"take_back {id_}": partial(take_back, pool, id_, actor="worker") for id_ in runs})


async def take_back(pool: Pool, dispatch_id: UUID, *, actor: str) -> None:
    """Put a run's claimed messages back to wait, in chunks of the run."""
    async with pool.acquire() as connection, connection.transaction():
        ids = await bulk_messages.claimed_of(connection, dispatch_id)
        moves = [Move(id_, Event.GIVE_BACK, "paused") for id_ in ids]
        moved = await messages.apply_events(connection, moves, actor=actor) if moves else []
        back = [item.message_id for item in moved if item.after is Status.QUEUED]
        for first in range(0, len(back), CHUNK_SIZE):
            chunk_id = await bulk_slices.add_chunk(connection, dispatch_id)
            await messages.rechunk(connection, back[first : first + CHUNK_SIZE], chunk_id=-chunk_id)


async def free_of_ended(pool: Pool) -> None:
    """Have the queue's engine wake what was put among the chunks of a run that ended at that moment.

    Nobody takes those. Whether it still goes is the last look's to say.
    """
    async with pool.acquire() as connection, connection.transaction():
        chunks = await bulk_messages.drop_chunks_of_ended(connection, limit=_CHUNKS)
        ids = await bulk_messages.queued_in(connection, chunks) if chunks else []
        for first in range(0, len(ids), CHUNK_SIZE):
            chunk_id = await messages.next_chunk(connection)
            into = await messages.rechunk(connection, ids[first : first + CHUNK_SIZE], chunk_id=chunk_id)
            await queue.enqueue(connection, [queue.WakeUp(chunk) for chunk in into])


async def resume_run(pool: Pool, dispatch_id: UUID, *, actor: str) -> bool:
    """Let a paused run go on; False where there is no such run. Raises NotPossible."""
    async with pool.acquire() as connection, connection.transaction():
        return await _change(connection, dispatch_id, _RESUME, actor=actor)


async def cancel_run(pool: Pool, dispatch_id: UUID, *, actor: str) -> Cancelled | None:
    """Cancel what a run has not started; None where there is no such run.

    From its first commit on nothing more is started. A large run takes longer than a caller waits:
    `finish_cancelled` does the rest, in the workers.
    """
    try:
        async with pool.acquire() as connection, connection.transaction():
            if not await _change(connection, dispatch_id, _CANCEL, actor=actor):
                return None
            # From this commit on workers cancel its messages too.
            before = await dispatch_pages.counts(connection, dispatch_id)
    except NotPossible:
        return await _cancel_ended(pool, dispatch_id, actor=actor)
    async with pool.acquire() as connection, connection.transaction():
        run = await bulk_runs.read(connection, dispatch_id)
        is_unlisted = run is not None and not run["is_queued"]
        await bulk_slices.drop_slices(connection, dispatch_id)
        claimed = await bulk_messages.claimed_of(connection, dispatch_id)
        again = await _cancel(connection, claimed, actor=actor)
    until = time.monotonic() + _PATIENCE_S
    over = False
    while not over and time.monotonic() < until:
        over, more = await _cancel_some(pool, dispatch_id, actor=actor, until=until)
        again += more
    async with pool.acquire() as connection:
        counts = await dispatch_pages.counts(connection, dispatch_id)
    return Cancelled(_withdrawn(before, counts), count_in(counts, GONE), again, is_unlisted)


async def _cancel_ended(pool: Pool, dispatch_id: UUID, *, actor: str) -> Cancelled:
    """Cancel what is left of a run that is over: what a person sent again, let go, or is still cancelling."""
    async with pool.acquire() as connection, connection.transaction():
        before = await dispatch_pages.counts(connection, dispatch_id)
        again = 0
        # Uncertain ones wait again where it turns out that they were not taken.
        if count_in(before, {Status.SENDING, Status.UNCERTAIN, *WITHDRAWABLE}):
            await dispatches.cancel(connection, dispatch_id)  # nothing more of it goes, whoever holds it
            again = await _cancel(connection, await _left(connection, dispatch_id), actor=actor)
            detail = {"dispatch": str(dispatch_id)}
            await accounts.audit(connection, actor=actor, action=_CANCEL.action, detail=detail)
        counts = await dispatch_pages.counts(connection, dispatch_id)
    return Cancelled(_withdrawn(before, counts), count_in(counts, GONE), again)


def _withdrawn(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    # What still waits is as good as withdrawn, but for the few that may have left before.
    return count_in(after, {Status.CANCELLED, *WITHDRAWABLE}) - count_in(before, {Status.CANCELLED})


async def finish_cancelled(pool: Pool) -> None:
    """Cancel what is left of cancelled runs."""
    async with pool.acquire() as connection:
        runs = await bulk_runs.cancelled_unfinished(connection)
    await go_round({f"finish_cancelled {id_}": partial(_finish_cancelled, pool, id_) for id_ in runs})


async def _finish_cancelled(pool: Pool, dispatch_id: UUID) -> None:
    while not (await _cancel_some(pool, dispatch_id, actor="worker"))[0]:
        pass


async def _cancel_some(
    pool: Pool, dispatch_id: UUID, *, actor: str, until: float = math.inf
) -> tuple[bool, int]:
    """Cancel some chunks of a cancelled run; tells if nothing is left, and how many became uncertain."""
    async with pool.acquire() as connection, connection.transaction():
        chunks = await bulk_slices.drop_chunks(connection, dispatch_id, limit=_CHUNKS)
        if chunks:
            queued = await bulk_messages.queued_in(connection, chunks)
            return False, await _cancel(connection, queued, actor=actor)
    # Workers may hold some still, where whoever cancelled the run died right after saying so.
    async with pool.acquire() as connection:
        left = await _left(connection, dispatch_id)
    if left:
        return False, await _cancel_in_parts(pool, left, actor=actor, until=until)
    async with pool.acquire() as connection, connection.transaction():
        await bulk_slices.drop_slices(connection, dispatch_id)
        if await bulk_slices.has_chunks(connection, dispatch_id):
            return False, 0  # put back by a worker meanwhile
        await bulk_runs.mark_finished(connection, dispatch_id)
    return True, 0


async def _cancel_in_parts(pool: Pool, ids: list[int], *, actor: str, until: float) -> int:
    again = 0
    for first in range(0, len(ids), _STRAYS):
        if first and time.monotonic() > until:
            break
        async with pool.acquire() as connection, connection.transaction():
            again += await _cancel(connection, ids[first : first + _STRAYS], actor=actor)
    return again


async def _change(connection: Connection, dispatch_id: UUID, change: _Change, *, actor: str) -> bool:
    if not await bulk_runs.change_state(connection, dispatch_id, before=change.before, after=change.after):
        state = await bulk_runs.state_of(connection, dispatch_id)
        if state is None:
            return False
        if state == change.after != _CANCEL.after:
            return True  # as who asks again, after an answer that was lost, wants it to be
        raise NotPossible(state)
    detail = {"dispatch": str(dispatch_id)}
    await accounts.audit(connection, actor=actor, action=change.action, detail=detail)
    return True


async def _left(connection: Connection, dispatch_id: UUID) -> list[int]:
    """List what of a run can be taken back and waits in none of its chunks."""
    claimed = await bulk_messages.claimed_of(connection, dispatch_id)
    return sorted({*claimed, *await bulk_messages.strays_of(connection, dispatch_id)})


async def _cancel(connection: Connection, ids: list[int], *, actor: str) -> int:
    """Cancel messages; gives how many are uncertain now: they waited to be sent again."""
    moves = [Move(id_, Event.CANCEL, "cancelled") for id_ in ids]
    moved = await messages.apply_events(connection, moves, actor=actor) if moves else []
    return sum(item.after is Status.UNCERTAIN for item in moved)
