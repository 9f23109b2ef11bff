"""Lets started messages go, in order, each at one of the slots that its lane was granted.

A slot that is missed is lost, its message is not: it takes the next slot, and new slots are asked for all
that lack one together. Asked for one by one they would keep a busy process so busy that it missed those too.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import structlog

from disparo.dispatch.gate import LATE_S, Gate, RateGrant
from disparo.platforms.base import boottime_s

log = structlog.get_logger(__name__)

#: Whoever has been late needs a longer run-up.
_RUN_UP_S = 0.1
_ASK_AGAIN_S = 1.0
#: Single calls may begin while it is further behind: a bulk run's parts hold up none.
_FAR_BEHIND_S, _URGENT_FAR_BEHIND_S = 1.0, 2.0


class WriteTimer:
    """The queue between the start and the write of one lane with a limit a second.

    A part of a long text that was begun goes before any other message: begun ones would be more and more.
    But where both wait single calls have every other slot.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._waiting: deque[tuple[asyncio.Future[float | None], float]] = deque()
        self._urgent: deque[tuple[asyncio.Future[float | None], float]] = deque()
        self._urgent_was_last = False
        self._parts: deque[asyncio.Future[float]] = deque()
        self._to_come = 0  # parts of begun messages that have had no slot, ready or not
        self._moments: list[float] = []  # a heap: two askers may be answered out of order
        self._changed = asyncio.Event()
        self._fewer = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def parts_to_come(self) -> int:
        """Give how many parts of begun messages have had no slot yet."""
        return self._to_come

    @property
    def behind_s(self) -> float:
        """How long the parts that are to come will take, at the limit."""
        return self._to_come * self._gate.interval_s

    def is_far_behind(self, *, urgent: bool) -> bool:
        """Whether the parts to come take a second or more (two for single calls): nothing new is to begin."""
        far_s = _URGENT_FAR_BEHIND_S if urgent else _FAR_BEHIND_S
        return self._to_come > 0 and self.behind_s >= far_s

    async def until_changed(self) -> None:
        """Wait until there are other parts to come, or `look_again` is called."""
        self._fewer.clear()
        await self._fewer.wait()

    def look_again(self) -> None:
        """Wake who waits in `until_changed`."""
        self._fewer.set()

    def line_up(
        self, grant: RateGrant, costs: Sequence[int], *, deadline_s: float, urgent: int = 0
    ) -> list[MessageSlots]:
        """Queue messages for the slots of a grant; gives for each its slots: it may be written at the first.

        `costs`: how many slots each uses up, one for each of its parts. The first `urgent` are single calls.
        """
        lined_up = [MessageSlots(self, cost - 1) for cost in costs]
        self._urgent.extend((slots.first, deadline_s) for slots in lined_up[:urgent])
        self._waiting.extend((slots.first, deadline_s) for slots in lined_up[urgent:])
        self.count_parts(sum(costs) - len(costs))
        self._add(grant)
        self._run()
        return lined_up

    def count_parts(self, more: int) -> None:
        """Change the number of parts to come."""
        self._to_come += more
        self._fewer.set()

    async def part(self) -> float:
        """Wait for the slot of a part that is ready; gives when it ends (CLOCK_BOOTTIME)."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._parts.append(future)
        self._changed.set()
        self._run()
        try:
            return await future
        except asyncio.CancelledError:  # it is too late for it
            with suppress(ValueError):
                self._parts.remove(future)
            raise

    def _run(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._let_go())

    def _add(self, grant: RateGrant) -> None:
        for place in range(grant.slots):
            heapq.heappush(self._moments, grant.first_at + place * grant.interval_s)
        self._changed.set()

    async def _let_go(self) -> None:
        while self._drop_overdue() or self._parts:
            self._changed.clear()
            if self._moments and (wait_s := self._moments[0] - time.monotonic()) <= 0:
                self._use(heapq.heappop(self._moments))
                continue
            if not self._moments and (self._asking is None or self._asking.done()):
                self._asking = asyncio.create_task(self._ask_for_more())
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s if self._moments else None):
                    await self._changed.wait()

    def _use(self, moment: float) -> None:
        left_s = moment + LATE_S - time.monotonic()
        if left_s < 0:
            return
        self._urgent_was_last = bool(self._urgent) and not (self._parts and self._urgent_was_last)
        if self._urgent_was_last:
            self._urgent.popleft()[0].set_result(boottime_s() + left_s)
        elif self._parts:
            if not (part := self._parts.popleft()).done():
                part.set_result(boottime_s() + left_s)
        else:
            self._waiting.popleft()[0].set_result(boottime_s() + left_s)

    async def _ask_for_more(self) -> None:
        """Ask for the slots that are lacking; the limit of 24 hours has counted them already."""
        lacking = len(self._parts) + len(self._urgent) + len(self._waiting)
        if not lacking:  # the last part was just given up: for none the question has no end
            return
        try:
            self._add(await self._gate.more_moments(lacking, run_up_s=_RUN_UP_S))
        except Exception:  # nobody else asks: what was begun would wait for ever, and nothing new begin
            log.exception("slots_not_asked_for")
            await asyncio.sleep(_ASK_AGAIN_S)
            asyncio.get_running_loop().call_soon(self._changed.set)  # once this task is done

    def _drop_overdue(self) -> bool:
        """Let go of messages whose deadline has passed; tells whether any is left."""
        for queue in (self._urgent, self._waiting):
            while queue and boottime_s() > queue[0][1]:
                queue.popleft()[0].set_result(None)
        return bool(self._urgent or self._waiting)


class MessageSlots:
    """The slots of one message. `first`: when its first ends, None once its deadline has passed."""

    def __init__(self, timer: WriteTimer, further: int) -> None:
        self.first: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._timer = timer
        self._further = further

    async def next(self) -> float:
        """Wait for the slot of the next part, or of the same once more; gives when it ends."""
        ends_s = await self._timer.part()
        if self._further:
            self._further -= 1
            self._timer.count_parts(-1)
        return ends_s

    def end(self) -> None:
        """Note that no part of it will come any more."""
        self._timer.count_parts(-self._further)
        self._further = 0
