"""How far apart batches begin: while work comes in crowds, each waits a moment for more of it.

A transaction costs the database, and us, nearly the same for one item as for twenty (docs/decisions/0024).
Whoever asks one thing after the other, or comes after a pause, waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_LOOK_EVERY_S = 0.002
#: A batch of so many did not come alone: the next one waits for more.
CROWD = 2


class Pace:
    """One for each place that writes in batches, one batch at a time."""

    def __init__(self, apart_s: float, *, enough: int) -> None:
        self._apart_s = apart_s
        self._enough = enough
        self._next_at = 0.0

    async def wait(self, waiting: Callable[[], int]) -> None:
        """Return when the next batch is to begin: at once if `enough` wait, or there was no crowd."""
        loop = asyncio.get_running_loop()
        # Mostly it is the time that ends this; those who come need not know that somebody counts them.
        while (pause := self._next_at - loop.time()) > 0 and waiting() < self._enough:  # noqa: ASYNC110
            await asyncio.sleep(min(pause, _LOOK_EVERY_S))

    def begin(self, size: int) -> None:
        """Note that a batch of so many begins now."""
        now = asyncio.get_running_loop().time()
        self._next_at = now + self._apart_s if size >= CROWD else now
