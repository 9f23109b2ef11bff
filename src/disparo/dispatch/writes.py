"""Has started messages written to one platform, and gives what became of each to the recorder."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import NamedTuple

from disparo import failpoints
from disparo.dispatch.breaker import Breaker
from disparo.dispatch.claims import Prepared
from disparo.dispatch.gate import RateGrant
from disparo.dispatch.recorder import Entry, Follow, Recorder, to_result
from disparo.dispatch.send import send
from disparo.dispatch.write_timer import MessageSlots
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.platforms.base import Outgoing, Platform

#: So many answers tell how quick a platform is.
_ANSWERS = 64
_NOTHING_TAKEN = frozenset({OutcomeKind.NOT_TAKEN, OutcomeKind.NOT_STARTED})


class Started(NamedTuple):
    """A started message; past `deadline_s` (CLOCK_BOOTTIME) it may not be written. `grant` let it start."""

    item: Prepared
    attempt_id: int
    deadline_s: float
    grant: RateGrant
    is_probe: bool


class Writes:
    """The hand-overs of one lane that are under way."""

    def __init__(self, platform: Platform, recorder: Recorder, breaker: Breaker) -> None:
        self._platform = platform
        self._recorder = recorder
        self._breaker = breaker
        self._began: dict[int, float] = {}  # attempt id -> when its write began
        self._further: dict[int, int] = {}  # attempt id -> parts to come, where none waits for a slot
        self._tasks: set[asyncio.Task[None]] = set()
        #: How long answers took of late, on the average of so many; of none yet, long.
        self.answer_s = 1.0
        #: Called with each message whose outcome is recorded.
        self.on_recorded: Callable[[Prepared], None] = lambda _item: None
        #: Gives what is to be started in the places of so many, when their outcomes are recorded.
        self.follow: Follow = lambda _freed: None
        #: Called with each message that the platform surely has not.
        self.on_missed: Callable[[Started], None] = lambda _started: None
        #: Called when the platform seems to fail, or to work again.
        self.on_stop: Callable[[], None] = lambda: None
        #: Whether another platform works: what this one did not take need not wait for it.
        self.elsewhere: Callable[[], bool] = lambda: False

    @property
    def ages_s(self) -> list[float]:
        """Give, for each hand-over in flight, for how many seconds its answer (or a part's) is awaited."""
        now = time.monotonic()
        return [now - began for began in self._began.values() if began <= now]

    @property
    def parts_to_come(self) -> int:
        """Give how many parts of begun messages are still to be written, those that wait for slots aside."""
        return sum(self._further.values())

    def begin(self, started: Sequence[Started]) -> None:
        """Write these now, so many in a call as the platform takes."""
        size = self._platform.capabilities.max_batch
        for first in range(0, len(started), size):
            group = started[first : first + size]
            self._go_on(self._write(group, [self._outgoing(one) for one in group]))

    def begin_in_turn(self, started: Started, slots: MessageSlots) -> None:
        """Write this at its slot, by itself: several in a call would be a burst."""
        self._go_on(self._write_in_turn(started, slots))

    def report_not_started(self, item: Prepared, attempt_id: int) -> None:
        """Tell of a message that was started and surely not written."""
        self._report(item, attempt_id, Outcome(OutcomeKind.NOT_STARTED), latency_ms=0)

    def _go_on(self, write: Coroutine[None, None, None]) -> None:
        self._tasks.add(task := asyncio.create_task(write))
        task.add_done_callback(self._tasks.discard)

    async def _write_in_turn(self, started: Started, slots: MessageSlots) -> None:
        try:
            ends_s = await slots.first
            if ends_s is None:
                self.on_missed(started)
                self.report_not_started(started.item, started.attempt_id)
            else:
                await self._write([started], [self._outgoing(started, slots)._replace(slot_ends_s=ends_s)])
        finally:
            slots.end()

    def _outgoing(self, started: Started, slots: MessageSlots | None = None) -> Outgoing:
        item = started.item
        outgoing = Outgoing(item.reference, item.e164, item.start.text, started.deadline_s)
        if item.start.segments == 1:
            return outgoing
        if slots is None and self._platform.capabilities.limits_count_parts:
            self._further[started.attempt_id] = item.start.segments - 1
        return outgoing._replace(next_part=partial(self._next_part, started.attempt_id, slots))

    async def _next_part(self, attempt_id: int, slots: MessageSlots | None) -> float:
        """Wait for a further part's slot; its own answer alone is awaited from then on."""
        if further := self._further.get(attempt_id):
            self._further[attempt_id] = further - 1
        self._began[attempt_id] = math.inf  # our own limit is no slow answer
        try:
            return math.inf if slots is None else await slots.next()
        finally:
            self._began[attempt_id] = time.monotonic()

    async def _write(self, group: Sequence[Started], outgoing: Sequence[Outgoing]) -> None:
        began = time.monotonic()
        self._began.update((one.attempt_id, began) for one in group)
        told: dict[int, OutcomeKind] = {}

        def report(place: int, outcome: Outcome) -> None:
            one = group[place]
            awaited_since = self._began.pop(one.attempt_id, None)
            self._further.pop(one.attempt_id, None)
            is_late = awaited_since is None
            if is_late and (outcome.kind is told[place] or told[place] is not OutcomeKind.AMBIGUOUS):
                return  # it was told before; only what nobody knew then is a fact all the same
            told[place] = outcome.kind
            latency_s = time.monotonic() - (began if awaited_since is None else awaited_since)
            if not is_late:
                self.answer_s += (latency_s - self.answer_s) / _ANSWERS
                failpoints.hit("after_reply")
                self._breaker.note(outcome, latency_s=latency_s, probe=one.is_probe)
                if outcome.kind in _NOTHING_TAKEN:
                    self.on_missed(one)
            self._report(one.item, one.attempt_id, outcome, latency_ms=int(latency_s * 1000), is_late=is_late)

        for place, outcome in enumerate(await send(self._platform, outgoing, report)):
            report(place, outcome)
        if self._breaker.has_news:
            self.on_stop()

    def _report(
        self, item: Prepared, attempt_id: int, outcome: Outcome, *, latency_ms: int, is_late: bool = False
    ) -> None:
        result = to_result(
            outcome,
            attempt_id=attempt_id,
            message_id=item.start.message_id,
            platform=self._platform.name,
            latency_ms=latency_ms,
            not_taken=item.not_taken,
            elsewhere=outcome.kind is not OutcomeKind.ACCEPTED and self.elsewhere(),
        )
        if is_late:  # its place was given back before
            self._recorder.put(Entry(result, lambda: None))
        else:
            self._recorder.put(Entry(result, lambda: self.on_recorded(item), self.follow))
