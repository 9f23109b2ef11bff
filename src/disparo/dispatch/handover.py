"""The hand-over of a chunk: claim it, look at each message a last time, send the good ones down a lane.

Claim, start and record are transactions of their own (architecture.md rule 4): the claim is here, the
start in `lane.py`, the record in `recorder.py`. No connection is in hand while a platform is called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from disparo import queue
from disparo.db import messages
from disparo.db.messages import Move, Start
from disparo.db.pool import Pool
from disparo.dispatch.lane import Batch, Holder, Lane, Prepared
from disparo.dispatch.rules import Drop, Rules, Send, Wait, decide
from disparo.domain.message import Event, Status

CHUNK_SIZE = 500
_NO_PLATFORM_S = 60.0


@dataclass(slots=True)
class _Sorted:
    send: list[tuple[asyncpg.Record, Send]] = field(default_factory=list)
    drop: list[Move] = field(default_factory=list)
    wait: list[tuple[int, datetime, str]] = field(default_factory=list)


class Handover:
    """The queue engine's handler; one for each worker."""

    def __init__(self, pool: Pool, *, lanes: Mapping[str, Lane], rules: Rules, holder: Holder) -> None:
        self._pool = pool
        self.lanes = lanes
        self._rules = rules
        self._holder = holder
        # One chunk at a time is looked at: if that kills the process, it is known which one did.
        self._looking = asyncio.Lock()
        self.has_worked = False

    async def handle_chunk(self, chunk_id: int) -> None:
        """Work a chunk off; what cannot go now waits in a chunk of its own."""
        while True:
            token = uuid4()
            self._holder.tokens.add(token)
            try:
                claimed, batch = await self._claim(chunk_id, token)
                await batch.done.wait()
                self.has_worked = self.has_worked or claimed > 0
            finally:
                self._holder.tokens.discard(token)
            if claimed < CHUNK_SIZE or self._holder.ending:
                return

    async def _claim(self, chunk_id: int, token: UUID) -> tuple[int, Batch]:
        async with self._looking:
            self._holder.preparing = chunk_id
            try:
                async with self._pool.acquire() as connection:
                    ids = await messages.claim(
                        connection, self._holder.worker_id, token=token, chunk_id=chunk_id, limit=CHUNK_SIZE
                    )
                    facts = await messages.claimed_facts(connection, ids) if ids else []
                batch = await self._look(facts, token)
            finally:
                self._holder.preparing = None
        return len(ids), batch

    async def _look(self, facts: Sequence[asyncpg.Record], token: UUID) -> Batch:
        found = self._sort(facts)
        await self._put_aside(found, token)
        batch = Batch(left=len(found.send))
        if not found.send:
            batch.done.set()
        for row, verdict in found.send:
            start = Start(row["id"], token, verdict.text, verdict.segments)
            prepared = Prepared(start, row["reference"], row["e164"], row["not_taken"], batch)
            self._lane_for(row).add([prepared])
        return batch

    def _sort(self, facts: Sequence[asyncpg.Record]) -> _Sorted:
        found = _Sorted()
        for row in facts:
            verdict = decide(dict(row), self._rules)
            if isinstance(verdict, Send) and not self.lanes:
                verdict = Wait(row["now"] + timedelta(seconds=_NO_PLATFORM_S), "no_platform")
            if isinstance(verdict, Send):
                found.send.append((row, verdict))
            elif isinstance(verdict, Drop):
                found.drop.append(Move(row["id"], verdict.event, verdict.reason))
            else:
                found.wait.append((row["id"], verdict.until, verdict.reason))
        return found

    async def _put_aside(self, found: _Sorted, token: UUID) -> None:
        if not found.drop and not found.wait:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            if found.drop:
                await messages.apply_events(connection, found.drop, actor="worker")
            if found.wait:
                chunk_id = await messages.next_chunk(connection)
                await messages.put_back(connection, found.wait, token=token, chunk_id=chunk_id)
                soonest = min(until for _, until, _ in found.wait)
                now: datetime = await connection.fetchval("SELECT now()")
                delay_s = max(0.0, (soonest - now).total_seconds())
                await queue.enqueue(connection, [queue.WakeUp(chunk_id, delay_s, urgent=False)])

    def _lane_for(self, row: asyncpg.Record) -> Lane:
        # A message that may have had an effect somewhere never goes to another platform.
        if row["tries"] > 0 and row["platform"] in self.lanes:
            return self.lanes[row["platform"]]
        names = list(self.lanes)
        return self.lanes[names[row["not_taken"] % len(names)]]


async def give_back(pool: Pool, holder: Holder) -> int:
    """Give back what the table says we hold and we do not: the trace of a connection lost in a claim.

    `sending` without a live claim of ours becomes uncertain. Gives how many were found.
    """
    async with pool.acquire() as connection, connection.transaction():
        rows = await messages.held_by(connection, holder.worker_id)
        strays = [row for row in rows if row["claim_token"] not in holder.tokens]
        moves = [
            Move(
                row["id"],
                Event.GIVE_BACK if row["status"] == "claimed" else Event.LOSE,
                "stray",
            )
            for row in strays
        ]
        moved = await messages.apply_events(connection, moves, actor="worker") if moves else []
        waiting = [item.message_id for item in moved if item.after is Status.QUEUED]
        if waiting:
            chunk_id = await messages.next_chunk(connection)
            await messages.rechunk(connection, waiting, chunk_id=chunk_id)
            await queue.enqueue(connection, [queue.WakeUp(chunk_id)])
    return len(strays)
