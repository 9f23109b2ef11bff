"""A lane hands one worker's messages to one platform, with at most a window of unrecorded starts.

A place of the window is taken before the start is committed and given back when the outcome is committed:
so at most a window of messages can be uncertain when this process dies (docs/delivery.md §4).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import asyncpg
import structlog

from disparo import failpoints
from disparo.db.pool import Pool
from disparo.dispatch import starts
from disparo.dispatch.breaker import Breaker
from disparo.dispatch.claims import Holder, Prepared
from disparo.dispatch.gate import Gate, RateGrant, unlimited
from disparo.dispatch.line import Line, length_for
from disparo.dispatch.places import Places
from disparo.dispatch.rate_parts import RateParts
from disparo.dispatch.recorder import Following, Recorder
from disparo.dispatch.write_timer import WriteTimer
from disparo.dispatch.writes import Started, Writes
from disparo.platforms.base import Platform, boottime_s

log = structlog.get_logger(__name__)

_STOPPED_LOOK_S = 0.05


class Lane:
    """One worker's way out to one platform; `run` and `keep_share` are tasks of their own."""

    def __init__(self, platform: Platform, pool: Pool, recorder: Recorder) -> None:
        self.platform = platform
        self.breaker = Breaker()
        self._pool = pool
        self._gate = Gate(pool, platform.name, platform.capabilities)
        self._rate_parts = RateParts(platform.capabilities)
        self._write_timer = WriteTimer(self._gate)
        self._writes = Writes(platform, recorder, self.breaker)
        self._writes.on_recorded = self._settle
        self._writes.follow = self._follow
        self._writes.on_missed = self._give_back
        self._writes.on_stop = lambda: self.on_stop()  # noqa: PLW0108 - whoever listens may come after it
        self._writes.elsewhere = lambda: self.elsewhere()  # noqa: PLW0108 - the same
        self._line = Line(length_for(platform.capabilities.per_second))
        self._arrived = asyncio.Event()
        self._holder: Holder | None = None
        #: With places, but perhaps or surely without a start: let go of once that is known.
        self._unsure: list[Prepared] = []
        self.places = Places(self._gate, lambda: self._writes.answer_s)
        self._giving_back: set[asyncio.Task[None]] = set()
        self._closed = False
        self.day_full_until = 0.0
        #: Whether another worker has a connection to the platform, where it wants one.
        self.others_are_connected = False
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
        """Whether no message that waits here will be started soon, by this worker at least."""
        return not self.works or self.is_left_to_others

    @property
    def works(self) -> bool:
        """Whether the platform takes messages, from whichever worker: not closed, full, paused or failing."""
        shut = self._closed or time.monotonic() < self.day_full_until
        failing = self.breaker.is_open and not self.breaker.may_probe
        return not (shut or self.breaker.paused or failing)

    @property
    def is_left_to_others(self) -> bool:
        """Whether this worker gets no connection to the platform, and another one has one."""
        link = self.platform.link if self.others_are_connected else None
        return link is not None and link.refused is not None

    @property
    def ages_s(self) -> list[float]:
        """Give, for each hand-over in flight, for how many seconds its answer has been awaited."""
        return self._writes.ages_s

    @property
    def parts_to_come(self) -> int:
        """Give how many parts of begun messages are still to be written, or have had no slot yet."""
        return self._write_timer.parts_to_come + self._writes.parts_to_come

    @property
    def longest_answer_s(self) -> float:
        """How long what is started now may wait for its answer, at most: all its parts' slots, and that."""
        return self._write_timer.behind_s + self.platform.capabilities.answer_within_s

    def add(self, items: Sequence[Prepared]) -> None:
        """Queue prepared messages; a closed lane forgets them at once, and their claims are given back."""
        self._line.add(items)
        self._arrived.set()
        self._write_timer.look_again()
        if self._closed:
            self.drop_waiting()

    def close(self) -> None:
        """Start nothing more; hand-overs under way go on, see `drained`."""
        self._closed = True
        self.drop_waiting()
        self.on_room()

    def end_full_day(self) -> None:
        """Use the platform again, which was at its limit of 24 hours."""
        self.day_full_until = 0.0
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
            lambda: holder.worker_id, lambda: (len(self._line), self.places.taken), self.places.freed
        )

    async def run(self, holder: Holder) -> None:
        """Start messages and have them written, until cancelled; writes under way go on, see `drained`."""
        await self._gate.begin()
        self._holder = holder
        while True:
            await self._something_to_start()
            if self._unsure:
                group, self._unsure = self._unsure, []
                await self._settle_missing(group)
                continue
            probe = self.breaker.is_open
            grant = await self._ask_for_moments(probe=probe)
            if grant.day_full_s:
                self.day_full_until = time.monotonic() + grant.day_full_s
                self.on_stop()
                continue
            await self._gate.until_near(grant)
            group = self._take_group(grant, probe=probe)
            started = await self._start_surely(group, holder.worker_id, grant, probe=probe)
            await self._gate.give_back(grant, grant.cost - self._rate_parts.of(started))

    async def drained(self) -> None:
        """Wait until every outcome of a started message is recorded."""
        await self.places.until_all_free()

    async def _something_to_start(self) -> None:
        has_waited = False
        while True:
            if self._unsure and self.places.free >= 0:
                return  # the outcomes are written: what a lost connection did is over
            if self._unsure:
                await self.places.until_freed()
            elif not self._line:
                self._arrived.clear()
                await self._arrived.wait()
            elif self.places.are_few(len(self._line)):
                await self.places.until_freed()
            elif self._write_timer.is_far_behind(urgent=self._line.urgent > 0):
                await self._write_timer.until_changed()
            elif self.is_stopped:
                await asyncio.sleep(_STOPPED_LOOK_S)  # what waits is about to be taken away
            elif has_waited or self.places.are_worth_a_turn(len(self._line)):
                return
            else:
                has_waited = not await self.places.are_freed_soon()

    async def _ask_for_moments(self, *, probe: bool) -> RateGrant:
        urgent = self._line.urgent
        # Where moments are scarce, those for bulk runs are not asked for in the name of single calls.
        waiting = urgent if urgent and self._gate.is_timed else len(self._line)
        wanted = 1 if probe else min(waiting, self.places.free, self.places.most)
        return await self._gate.moments(self._rate_parts.costs(self._line.first(wanted)), urgent=urgent > 0)

    def _take_group(self, grant: RateGrant, *, probe: bool) -> list[Prepared]:
        """Take the messages that a grant is enough for; none where the lane stopped meanwhile."""
        if self.is_stopped or self.breaker.is_open is not probe:
            return []
        fitting = self._rate_parts.fitting(self._line.first(grant.messages), grant)
        group = self._line.take(max(0, min(self.places.free, 1 if probe and fitting else fitting)))
        if group:
            self.breaker.may_probe = False
        self.places.take(len(group))
        self.on_room()
        return group

    async def _start_surely(
        self, group: list[Prepared], worker_id: UUID, grant: RateGrant, *, probe: bool
    ) -> list[Prepared]:
        """Start a group, if there is one; gives the messages that were started and are being written."""
        try:
            return await self._start(group, worker_id, grant, probe=probe) if group else []
        except asyncpg.PostgresError:
            # Nothing was started. The audit gives these back; the lane goes on with the others.
            log.exception("start_refused", platform=self.platform.name)
            for item in group:
                self._settle(item)
            return []

    async def _start(
        self, group: list[Prepared], worker_id: UUID, grant: RateGrant, *, probe: bool
    ) -> list[Prepared]:
        failpoints.hit("before_start")
        started, deadline_s = await starts.commit(
            self._pool, [item.start for item in group], platform=self.platform.name, worker_id=worker_id
        )
        failpoints.hit("after_start")
        ready, missing = starts.sort_out(group, started, deadline_s, grant, probe=probe)
        if missing:
            await self._settle_missing(missing)
        if self._gate.is_timed:
            costs = self._rate_parts.costs([one.item for one in ready])
            urgent = sum(one.item.urgent for one in ready)  # they come first in the line
            turns = self._write_timer.line_up(grant, costs, deadline_s=deadline_s, urgent=urgent)
            for one, slots in zip(ready, turns, strict=True):
                self._writes.begin_in_turn(one, slots)
        else:
            self._writes.begin(ready)
        return [one.item for one in ready]

    def _follow(self, freed: int) -> Following | None:
        """Take messages for places that so many outcomes give back, to be started with them (0004)."""
        holder = self._holder if self._gate.asks_nobody and not self._unsure else None
        if holder is None or self.is_stopped or self.breaker.is_open:
            return None
        group = self._line.take(max(0, self.places.free + freed))
        if not group:
            return None
        self.places.take(len(group))
        self.on_room()
        deadline_s, grant = boottime_s() + starts.START_TTL_S, unlimited(len(group))

        def committed(started: Mapping[int, int]) -> None:
            ready, missing = starts.sort_out(group, started, deadline_s, grant, probe=False)
            self._writes.begin(ready)
            self._doubt(missing)

        wanted, failed = [item.start for item in group], lambda: self._doubt(group)
        return Following(wanted, self.platform.name, holder.worker_id, committed, failed)

    def _doubt(self, items: Sequence[Prepared]) -> None:
        self._unsure.extend(items)
        self._arrived.set()

    async def _settle_missing(self, missing: Sequence[Prepared]) -> None:
        """Let go of messages without a start; those that a lost connection started were never written."""
        found = await starts.unseen(self._pool, [item.start for item in missing])
        for item in missing:
            attempt_id = found.get(item.start.message_id)
            if attempt_id is None:
                self._settle(item)
            else:
                self._writes.report_not_started(item, attempt_id)

    def _give_back(self, missed: Started) -> None:
        self._giving_back.add(task := asyncio.create_task(self._give_back_of_the_day(missed)))
        task.add_done_callback(self._giving_back.discard)

    async def _give_back_of_the_day(self, missed: Started) -> None:
        await self._gate.give_back(missed.grant, self._rate_parts.of([missed.item]))
        if self.day_full_until:  # it was full with this one in it
            self.end_full_day()

    def _settle(self, item: Prepared) -> None:
        self.places.give_back()
        item.batch.settle()
