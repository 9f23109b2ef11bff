"""Calls that hold a connection to the database for long wait for each other, and for that without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from disparo.dispatch.group_commit import Busy

#: Of each kind so many have a connection at a time.
_AT_ONCE = 2
#: A caller's own patience is hardly longer, and so is a proxy's.
_PATIENCE_S = 30.0


class Turn:
    """The turn of one kind of long calls, of which a program makes dozens at once."""

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._patience_s = patience_s

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for the turn and have it; raises Busy where it does not come in time."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._places.acquire()
        except TimeoutError:
            raise Busy from None
        try:
            yield
        finally:
            self._places.release()


class Turns:
    """The turns of one process. `pushes`: the database lets one at a time write to the register anyway."""

    def __init__(self) -> None:
        self.pushes = Turn()
        self.simulations = Turn()
