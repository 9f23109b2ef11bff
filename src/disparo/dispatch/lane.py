"""A lane: one worker's way out to one platform, never with more than a window of starts unsettled.

A slot of the window is taken before the start is committed and given back when the outcome is committed:
so at most a window of messages can be uncertain when this process dies.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import structlog

from disparo import failpoints
from disparo.db import messages, rates
from disparo.db.messages import Start
from disparo.db.pool import TRANSIENT, Pool
from disparo.dispatch.brake import Brake
from disparo.dispatch.recorder import Entry, Recorder, to_result
from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.platforms.base import Outgoing, Platform, boottime_s

log = structlog.get_logger(__name__)

#: From the moment the start is asked for until the last moment its bytes may leave. Well under the 6 s
#: after which a silent worker is taken over.
START_TTL_S = 4.0
_DATABASE_RETRY_S = 0.2
_BRAKE_LOOK_S = 0.05


@dataclass(slots=True)
class Holder:
    """Who this worker is to the database now, and which of its claims it still works on."""

    worker_id: UUID
    tokens: set[UUID] = field(default_factory=set)
    preparing: int | None = None
    ending: bool = False


@dataclass(slots=True)
class Batch:
    """What one claim brought: `done` once none of it is in this worker's hands."""

    left: int
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def settle(self) -> None:
        """Count one message off."""
        self.left -= 1
        if self.left <= 0:
            self.done.set()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A claimed message, looked at and rendered: only the start is missing."""

    start: Start
    reference: str
    e164: str
    not_taken: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class _Grant:
    """So many may be written: the first at `first_at` (time.monotonic), each `interval_s` after the other."""

    count: int
    first_at: float
    interval_s: float


class Lane:
    """Starts, writes and hands outcomes to the recorder; one task runs it."""

    def __init__(self, platform: Platform, pool: Pool, recorder: Recorder) -> None:
        self.platform = platform
        self._pool = pool
        self._recorder = recorder
        self._waiting: deque[Prepared] = deque()
        self._arrived = asyncio.Event()
        self._free = platform.capabilities.window
        self._freed = asyncio.Event()
        self._closed = False
        self._writing: set[asyncio.Task[None]] = set()
        self._brake = Brake()

    def add(self, items: Sequence[Prepared]) -> None:
        """Queue messages for the way out; a closed lane lets go of them at once."""
        self._waiting.extend(items)
        self._arrived.set()
        if self._closed:
            self.drop_waiting()

    def close(self) -> None:
        """Start nothing more; what is started goes on, see `drained`."""
        self._closed = True
        self.drop_waiting()

    def drop_waiting(self) -> None:
        """Forget what has not been started: the claims are given back by the audit (`give_back`)."""
        while self._waiting:
            self._waiting.popleft().batch.settle()

    async def run(self, holder: Holder) -> None:
        """Start and write until cancelled; writes under way go on, see `drained`."""
        while True:
            await self._something_to_start()
            granted = await self._granted()
            # Some may have been dropped meanwhile.
            size = self._brake.allowed(min(len(self._waiting), self._free, granted.count))
            if size == 0:
                await asyncio.sleep(_BRAKE_LOOK_S if self._brake.is_on else 0)
                continue
            group = [self._waiting.popleft() for _ in range(size)]
            self._free -= len(group)
            try:
                await self._start(group, holder.worker_id, granted)
            except asyncpg.PostgresError:
                # Nothing was started. The audit gives these back; the lane goes on with the others.
                log.exception("start_refused", platform=self.platform.name)
                self._brake.forget_probe()
                for item in group:
                    self._settle(item)

    async def drained(self) -> None:
        """Wait until nothing started is unwritten."""
        while self._free < self.platform.capabilities.window:
            self._freed.clear()
            await self._freed.wait()

    async def _something_to_start(self) -> None:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        while self._free == 0:
            self._freed.clear()
            await self._freed.wait()

    async def _granted(self) -> _Grant:
        """Ask how many may be written, and when, under the platform's rate; waits until there is one."""
        per_second = self.platform.capabilities.per_second
        wanted = min(len(self._waiting), self._free)
        if per_second is None:
            return _Grant(wanted, time.monotonic(), 0.0)
        wanted = min(wanted, max(1, int(per_second / 4)))
        while True:
            asked_at = time.monotonic()
            try:
                async with self._pool.acquire() as connection:
                    slots = await rates.take_slots(
                        connection, self.platform.name, per_second=per_second, wanted=wanted
                    )
            except TRANSIENT:
                await asyncio.sleep(_DATABASE_RETRY_S)
                continue
            if slots.count:
                return _Grant(slots.count, asked_at + slots.wait_s, 1.0 / per_second)
            await asyncio.sleep(slots.wait_s)

    async def _start(self, group: list[Prepared], worker_id: UUID, grant: _Grant) -> None:
        failpoints.hit("before_start")
        started, deadline_s = await self._commit_start(group, worker_id)
        failpoints.hit("after_start")
        ready = [(item, started[item.start.message_id]) for item in group if item.start.message_id in started]
        missing = [item for item in group if item.start.message_id not in started]
        if not ready:
            self._brake.forget_probe()
        if missing:
            await self._settle_missing(missing)
        size = self.platform.capabilities.max_batch
        for first in range(0, len(ready), size):
            slot_at = grant.first_at + first * grant.interval_s
            task = asyncio.create_task(self._write(ready[first : first + size], deadline_s, slot_at))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _commit_start(self, group: Sequence[Prepared], worker_id: UUID) -> tuple[dict[int, int], float]:
        starts = [item.start for item in group]
        while True:
            deadline_s = boottime_s() + START_TTL_S
            try:
                async with self._pool.acquire() as connection:
                    started = await messages.start(
                        connection, starts, platform=self.platform.name, worker_id=worker_id
                    )
            except TRANSIENT as error:
                log.warning("start_waits_for_database", error=type(error).__name__)
                await asyncio.sleep(_DATABASE_RETRY_S)
            else:
                return started, deadline_s

    async def _settle_missing(self, missing: Sequence[Prepared]) -> None:
        """Let go of what is no longer ours; what a lost connection started unseen was never written."""
        unseen: dict[int, int] = {}
        while True:
            try:
                async with self._pool.acquire() as connection:
                    unseen = await messages.started_unseen(connection, [item.start for item in missing])
            except TRANSIENT:
                await asyncio.sleep(_DATABASE_RETRY_S)
            else:
                break
        for item in missing:
            attempt_id = unseen.get(item.start.message_id)
            if attempt_id is None:
                self._settle(item)
            else:
                self._report(item, attempt_id, Outcome(OutcomeKind.NOT_STARTED), latency_ms=0)

    async def _write(self, group: Sequence[tuple[Prepared, int]], deadline_s: float, slot_at: float) -> None:
        # Each message has a slot of time of its own: written together they would be a burst.
        await asyncio.sleep(max(0.0, slot_at - time.monotonic()))
        outgoing = [
            Outgoing(reference=item.reference, e164=item.e164, text=item.start.text, deadline_s=deadline_s)
            for item, _ in group
        ]
        began = time.monotonic()
        outcomes = await self._send(outgoing)
        failpoints.hit("after_reply")
        latency_ms = int((time.monotonic() - began) * 1000)
        for (item, attempt_id), outcome in zip(group, outcomes, strict=True):
            self._report(item, attempt_id, outcome, latency_ms=latency_ms)

    async def _send(self, outgoing: Sequence[Outgoing]) -> list[Outcome]:
        try:
            outcomes = await self.platform.send(outgoing)
        except Exception as error:  # a platform never raises; if one does, the bytes may have left
            log.error("platform_raised", platform=self.platform.name, error=type(error).__name__)
            outcomes = []
        missing = len(outgoing) - len(outcomes)
        unknown = Outcome(OutcomeKind.AMBIGUOUS, code="no_answer", failure=FailureClass.UNKNOWN)
        return [*outcomes, *[unknown] * missing][: len(outgoing)]

    def _report(self, item: Prepared, attempt_id: int, outcome: Outcome, *, latency_ms: int) -> None:
        self._brake.note(outcome)
        result = to_result(
            outcome,
            attempt_id=attempt_id,
            message_id=item.start.message_id,
            latency_ms=latency_ms,
            not_taken=item.not_taken,
        )
        self._recorder.put(Entry(self.platform.name, result, lambda: self._settle(item)))

    def _settle(self, item: Prepared) -> None:
        self._free += 1
        self._freed.set()
        item.batch.settle()
