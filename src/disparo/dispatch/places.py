"""The places of one lane's window: how many are taken, and when so many are free that a start is worth it.

A place is taken before a start is committed, and given back when the outcome is (docs/decisions/0004). More
are taken than there are while a transaction is under way that gives as many back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from disparo.dispatch.gate import Gate

#: Where answers take less than the first, who has half a window waits so long for each place but the last.
_QUICK_S, _SOON_S = 0.005, 0.005


class Places:
    """`answer_s` gives how long the platform's answers take."""

    def __init__(self, gate: Gate, answer_s: Callable[[], float]) -> None:
        self._gate = gate
        self._answer_s = answer_s
        self.taken = 0
        #: Set when one is given back, or when there may be more.
        self.freed = asyncio.Event()

    @property
    def free(self) -> int:
        """Give how many more messages may be started now; below 0 while some change hands."""
        return self._gate.places - self.taken

    @property
    def most(self) -> int:
        """Give how many are started at a time, at most: half a window, or all of one that is soon free."""
        is_quick = self._answer_s() < _QUICK_S and not self._gate.is_timed
        return self._gate.places if is_quick else (self._gate.places + 1) // 2

    def are_few(self, waiting: int) -> bool:
        """Whether less is free than should be before more is started: half a window, or all but a group."""
        half = self._gate.places // 2
        enough = min(waiting, half, self._gate.group if self._gate.is_timed else half)
        return self.free < max(1, enough)

    def are_worth_a_turn(self, waiting: int) -> bool:
        """Whether so much is free that waiting for more would bring little."""
        return self._gate.is_timed or self.free >= min(waiting, self.most * 9 // 10)

    def take(self, count: int) -> None:
        """Take so many, for messages that are about to be started."""
        self.taken += count

    def give_back(self) -> None:
        """Give one back."""
        self.taken -= 1
        self.freed.set()

    async def until_freed(self) -> None:
        """Wait until one is given back, or there may be more."""
        self.freed.clear()
        await self.freed.wait()

    async def are_freed_soon(self) -> bool:
        """Wait a moment for one more; gives whether it came."""
        before = self.free
        self.freed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.freed.wait(), _SOON_S)
        return self.free > before

    async def until_all_free(self) -> None:
        """Wait until nothing is under way."""
        while self.taken:
            await self.until_freed()
