"""How far apart batches begin: while work comes in crowds, each waits a moment for more of it.

A transaction costs the database, and us, nearly the same for one item as for twenty (docs/decisions/0024).
Whoever asks one thing after the other, or comes after a pause, waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

_LOOK_EVERY_S = 0.002
#: A batch of so many did not come alone: the next one waits for more.
CROWD = 2
#: As many as were there at once in one of so many batches are taken to be all there are.
_REMEMBERED = 32


class Pace:
    """One for each place that writes in batches, one batch at a time."""

    def __init__(self, apart_s: float, *, enough: int) -> None:
        self._apart_s = apart_s
        self._enough = enough
        self._next_at = 0.0
        self._sizes: deque[int] = deque([enough], _REMEMBERED)

    async def wait(self, waiting: Callable[[], int]) -> None:
        """Return when the next batch, of which one is in hand, is to begin.

        At once if there was no crowd; else when `enough` wait, or all those who call one after the other are
        back and none of them can bring another before it is answered.
        """
        loop = asyncio.get_running_loop()
        all_there_are = min(self._enough, max(self._sizes)) - 1
        # Mostly it is the time that ends this; those who come need not know that somebody counts them.
        while (pause := self._next_at - loop.time()) > 0 and waiting() < all_there_are:  # noqa: ASYNC110
            await asyncio.sleep(min(pause, _LOOK_EVERY_S))

    def begin(self, size: int) -> None:
        """Note that a batch of so many begins now."""
        now = asyncio.get_running_loop().time()
        self._sizes.append(size)
        self._next_at = now + self._apart_s if size >= CROWD else now
