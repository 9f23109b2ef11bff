"""A lane hands one worker's messages to one platform, with at most a window of unrecorded starts.

A place of the window is taken before the start is committed and given back when the outcome is committed:
so at most a window of messages can be uncertain when this process dies (docs/delivery.md §4).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from uuid import UUID

import asyncpg
import structlog

from disparo import failpoints
from disparo.db.pool import Pool
from disparo.dispatch import starts
from disparo.dispatch.breaker import Breaker
from disparo.dispatch.claims import Holder, Prepared
from disparo.dispatch.gate import Gate, RateGrant
from disparo.dispatch.line import Line, length_for
from disparo.dispatch.rate_parts import PartsGrant, RateParts
from disparo.dispatch.recorder import Entry, Recorder, to_result
from disparo.dispatch.send import send
from disparo.dispatch.write_timer import WriteTimer
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.platforms.base import Outgoing, Platform

log = structlog.get_logger(__name__)

_STOPPED_LOOK_S = 0.05


class Lane:
    """One worker's way out to one platform; `run` and `keep_share` are tasks of their own."""

    def __init__(self, platform: Platform, pool: Pool, recorder: Recorder) -> None:
        self.platform = platform
        self.breaker = Breaker()
        self._pool = pool
        self._recorder = recorder
        self._gate = Gate(pool, platform.name, platform.capabilities)
        self._rate_parts = RateParts(self._gate, platform.capabilities)
        self._write_timer = WriteTimer(self._gate)
        self._line = Line(length_for(platform.capabilities.per_second))
        self._arrived = asyncio.Event()
        self._under_way = 0
        self._freed = asyncio.Event()
        self._began: dict[int, float] = {}  # attempt id -> when its write began
        self._closed = False
        self.day_full_until = 0.0
        self._writing: set[asyncio.Task[None]] = set()
        #: Called when there may be room where there was none, and when what waits here has to go elsewhere.
        self.on_room: Callable[[], None] = lambda: None
        self.on_stop: Callable[[], None] = lambda: None
        #: Whether another platform works: what this one did not take need not wait for it.
        self.elsewhere: Callable[[], bool] = lambda: False

    def room(self, *, urgent: bool) -> int:
        """Give how many more messages this lane takes now."""
        if self.is_stopped:
            return 0
        if self.breaker.is_open:
            return 0 if self._line else 1
        return self._line.room(urgent=urgent)

    @property
    def is_stopped(self) -> bool:
        """Whether no message that waits here will be started soon: closed, day full, paused or failing."""
        shut = self._closed or time.monotonic() < self.day_full_until
        return shut or self.breaker.paused or (self.breaker.is_open and not self.breaker.may_probe)

    @property
    def ages_s(self) -> list[float]:
        """Give, for each hand-over in flight, for how many seconds its answer has been awaited."""
        return [time.monotonic() - began for began in self._began.values()]

    def add(self, items: Sequence[Prepared]) -> None:
        """Queue prepared messages; a closed lane forgets them at once, and their claims are given back."""
        self._line.add(items)
        self._arrived.set()
        if self._closed:
            self.drop_waiting()

    def close(self) -> None:
        """Start nothing more; hand-overs under way go on, see `drained`."""
        self._closed = True
        self.drop_waiting()
        self.on_room()

    def take_waiting(self) -> list[Prepared]:
        """Remove and give all messages that have not been started."""
        return self._line.take(len(self._line))

    def take_stale(self) -> list[Prepared]:
        """Remove and give the messages whose last look is too old."""
        if items := self._line.take_stale():
            self.on_room()
        return items

    def drop_waiting(self) -> None:
        """Forget all messages that have not been started; `give_back` returns their claims."""
        for item in self.take_waiting():
            item.batch.settle()

    def forget_places(self) -> None:
        """Give up the places of a shared window: this worker was taken over, and others have them."""
        if self.platform.capabilities.shared_window:
            self._gate.places = 0

    async def keep_share(self, holder: Holder) -> None:
        """Lease this lane's places of a window that all workers share, until cancelled."""
        await self._gate.keep_share(
            lambda: holder.worker_id, lambda: (len(self._line), self._under_way), self._freed
        )

    async def run(self, holder: Holder) -> None:
        """Start messages and have them written, until cancelled; writes under way go on, see `drained`."""
        while True:
            await self._something_to_start()
            probe = self.breaker.is_open
            granted = await self._ask_for_moments(probe=probe)
            grant = granted.grant
            if grant.day_full_s:
                await self._gate.give_back(grant, granted.ahead)
                self.day_full_until = time.monotonic() + grant.day_full_s
                self.on_stop()
                continue
            await self._gate.until_near(grant)
            group, ahead = self._take_group(granted, probe=probe)
            started = await self._start_surely(group, holder.worker_id, grant, probe=probe, ahead=ahead)
            await self._gate.give_back(grant, granted.moments - self._rate_parts.of(started))

    async def drained(self) -> None:
        """Wait until every outcome of a started message is recorded."""
        while self._under_way:
            self._freed.clear()
            await self._freed.wait()

    @property
    def _free(self) -> int:
        return self._gate.places - self._under_way

    @property
    def _enough(self) -> int:
        """Give how many places must be free before more is started: at most half a window at a time."""
        enough = self._gate.group if self._gate.is_timed else self._half
        return max(1, min(len(self._line), self._half, enough))

    @property
    def _half(self) -> int:
        return (self._gate.places + 1) // 2

    async def _something_to_start(self) -> None:
        while True:
            if not self._line:
                self._arrived.clear()
                await self._arrived.wait()
            elif self._free < self._enough:
                self._freed.clear()
                await self._freed.wait()
            elif self.is_stopped:
                await asyncio.sleep(_STOPPED_LOOK_S)  # what waits is about to be taken away
            else:
                return

    async def _ask_for_moments(self, *, probe: bool) -> PartsGrant:
        urgent = self._line.urgent
        # Where moments are scarce, those for bulk runs are not asked for in the name of single calls.
        waiting = urgent if urgent and self._gate.is_timed else len(self._line)
        wanted = 1 if probe else min(waiting, self._free, self._half)
        return await self._rate_parts.ask(self._line, wanted, urgent=urgent > 0)

    def _take_group(self, granted: PartsGrant, *, probe: bool) -> tuple[list[Prepared], int]:
        """Take the messages that the slots are enough for; none where the lane stopped meanwhile.

        Gives too how many slots the first one had collected before.
        """
        if self.is_stopped or self.breaker.is_open is not probe:
            return [], 0
        self.breaker.may_probe = False
        fitting, ahead = self._rate_parts.fitting(self._line, granted)
        group = self._line.take(max(0, min(self._free, 1 if probe and fitting else fitting)))
        self._under_way += len(group)
        self.on_room()
        return group, ahead

    async def _start_surely(
        self, group: list[Prepared], worker_id: UUID, grant: RateGrant, *, probe: bool, ahead: int
    ) -> list[Prepared]:
        """Start a group, if there is one; gives the messages that were started and are being written."""
        try:
            return await self._start(group, worker_id, grant, probe=probe, ahead=ahead) if group else []
        except asyncpg.PostgresError:
            # Nothing was started. The audit gives these back; the lane goes on with the others.
            log.exception("start_refused", platform=self.platform.name)
            for item in group:
                self._settle(item)
            return []

    async def _start(
        self, group: list[Prepared], worker_id: UUID, grant: RateGrant, *, probe: bool, ahead: int
    ) -> list[Prepared]:
        failpoints.hit("before_start")
        started, deadline_s = await starts.commit(
            self._pool, [item.start for item in group], platform=self.platform.name, worker_id=worker_id
        )
        failpoints.hit("after_start")
        ready = [(item, started[item.start.message_id]) for item in group if item.start.message_id in started]
        if missing := [item for item in group if item.start.message_id not in started]:
            await self._settle_missing(missing)
        if self._gate.is_timed:
            # Each moment is one message's, or one part's: a batch would be a burst.
            costs = [self._rate_parts.of([item]) - (ahead if item is group[0] else 0) for item, _ in ready]
            turns = self._write_timer.line_up(grant, costs, deadline_s=deadline_s)
            for turn, each in zip(turns, ready, strict=True):
                self._go_on(self._write_in_turn(turn, each, deadline_s, probe=probe))
            return [item for item, _ in ready]
        size = self.platform.capabilities.max_batch
        for first in range(0, len(ready), size):
            self._go_on(self._write(ready[first : first + size], deadline_s, probe=probe))
        return [item for item, _ in ready]

    def _go_on(self, write: Coroutine[None, None, None]) -> None:
        self._writing.add(task := asyncio.create_task(write))
        task.add_done_callback(self._writing.discard)

    async def _settle_missing(self, missing: Sequence[Prepared]) -> None:
        """Let go of messages without a start; those that a lost connection started were never written."""
        found = await starts.unseen(self._pool, [item.start for item in missing])
        for item in missing:
            attempt_id = found.get(item.start.message_id)
            if attempt_id is None:
                self._settle(item)
            else:
                self._report(item, attempt_id, Outcome(OutcomeKind.NOT_STARTED), latency_ms=0)

    async def _write_in_turn(
        self, turn: asyncio.Future[float | None], each: tuple[Prepared, int], deadline_s: float, **how: bool
    ) -> None:
        slot_ends_s = await turn
        if slot_ends_s is None:
            self._report(*each, Outcome(OutcomeKind.NOT_STARTED), latency_ms=0)
        else:
            await self._write([each], deadline_s, slot_ends_s, **how)

    async def _write(
        self,
        group: Sequence[tuple[Prepared, int]],
        deadline_s: float,
        slot_ends_s: float = math.inf,
        *,
        probe: bool,
    ) -> None:
        outgoing = [
            Outgoing(item.reference, item.e164, item.start.text, deadline_s, slot_ends_s) for item, _ in group
        ]
        began = time.monotonic()
        self._began.update((attempt_id, began) for _, attempt_id in group)
        told: dict[int, OutcomeKind] = {}

        def report(place: int, outcome: Outcome) -> None:
            item, attempt_id = group[place]
            is_late = self._began.pop(attempt_id, None) is None
            if is_late and (outcome.kind is told[place] or told[place] is not OutcomeKind.AMBIGUOUS):
                return  # it was told before; only what nobody knew then is a fact all the same
            told[place] = outcome.kind
            latency_s = time.monotonic() - began
            if not is_late:
                failpoints.hit("after_reply")
                self.breaker.note(outcome, latency_s=latency_s, probe=probe)
            self._report(item, attempt_id, outcome, latency_ms=int(latency_s * 1000), is_late=is_late)

        for place, outcome in enumerate(await send(self.platform, outgoing, report)):
            report(place, outcome)
        if self.breaker.tripped or self.breaker.recovered:
            self.on_stop()

    def _report(
        self, item: Prepared, attempt_id: int, outcome: Outcome, *, latency_ms: int, is_late: bool = False
    ) -> None:
        result = to_result(
            outcome,
            attempt_id=attempt_id,
            message_id=item.start.message_id,
            platform=self.platform.name,
            latency_ms=latency_ms,
            not_taken=item.not_taken,
            elsewhere=outcome.kind is not OutcomeKind.ACCEPTED and self.elsewhere(),
        )
        self._recorder.put(Entry(result, lambda: None if is_late else self._settle(item)))

    def _settle(self, item: Prepared) -> None:
        self._under_way -= 1
        self._freed.set()
        item.batch.settle()
