"""Lets started messages go, in order, each at one of the slots that its lane was granted.

A slot that is missed is lost, its message is not: it takes the next slot, and new slots are asked for all
messages that lack one together. Asked for one by one they would keep a busy process so busy that it missed
those too.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress

from disparo.dispatch.gate import LATE_S, Gate, RateGrant
from disparo.platforms.base import boottime_s

#: Whoever has been late needs a longer run-up.
_RUN_UP_S = 0.1


class WriteTimer:
    """The queue between the start and the write of one lane with a limit a second.

    A message that uses up several slots, one for each part, goes at the first of them; nobody gets the
    others.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._waiting: deque[tuple[asyncio.Future[float | None], float, int]] = deque()
        self._owed = 0
        self._moments: list[
            tuple[float, int, RateGrant]
        ] = []  # a heap: two askers may be answered out of order
        self._given = 0
        self._missed: Counter[RateGrant] = Counter()
        self._added = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def line_up(
        self, grant: RateGrant, costs: Sequence[int], *, deadline_s: float
    ) -> Sequence[asyncio.Future[float | None]]:
        """Queue messages for the slots of a grant; gives a future for each: it may be written, now.

        Its result is when its slot ends, None once `deadline_s` has passed (both CLOCK_BOOTTIME). `costs`:
        how many of the grant's slots each message uses up; together no more than the grant has.
        """
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in costs]
        self._waiting.extend((future, deadline_s, cost) for future, cost in zip(futures, costs, strict=True))
        self._add(grant, sum(costs))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._let_go())
        return futures

    def _add(self, grant: RateGrant, count: int) -> None:
        for place in range(count):
            self._given += 1
            heapq.heappush(self._moments, (grant.first_at + place * grant.interval_s, self._given, grant))
        self._added.set()

    async def _let_go(self) -> None:
        while self._waiting or self._moments or self._missed:
            if not self._waiting:
                while self._owed and self._moments:
                    self._owed -= 1
                    heapq.heappop(self._moments)
                self._owed = 0
                self._missed.update(grant for _, _, grant in self._moments)
                self._moments.clear()
                await self._give_back_missed()
            elif not self._moments:
                await self._ask_for_more()
            else:
                await self._until_next()
                self._use(heapq.heappop(self._moments))

    def _use(self, moment: tuple[float, int, RateGrant]) -> None:
        at, _, grant = moment
        self._drop_overdue()
        if self._owed:
            self._owed -= 1
        elif self._waiting and (left_s := at + LATE_S - time.monotonic()) >= 0:
            future, _, cost = self._waiting.popleft()
            self._owed += cost - 1
            future.set_result(boottime_s() + left_s)
        else:
            self._missed[grant] += 1

    async def _until_next(self) -> None:
        while (wait_s := self._moments[0][0] - time.monotonic()) > 0:
            self._added.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._added.wait()

    async def _ask_for_more(self) -> None:
        await self._give_back_missed()
        self._drop_overdue()
        if not self._waiting:
            return
        wanted = self._owed + sum(cost for _, _, cost in self._waiting)
        grant = await self._gate.moments(wanted, urgent=True, run_up_s=_RUN_UP_S)
        if grant.day_full_s:
            self._drop_all()
        self._add(grant, grant.count)

    async def _give_back_missed(self) -> None:
        missed, self._missed = self._missed, Counter()
        for grant, count in missed.items():
            await self._gate.give_back(grant, count)

    def _drop_overdue(self) -> None:
        while self._waiting and boottime_s() > self._waiting[0][1]:
            self._waiting.popleft()[0].set_result(None)

    def _drop_all(self) -> None:
        while self._waiting:
            self._waiting.popleft()[0].set_result(None)
