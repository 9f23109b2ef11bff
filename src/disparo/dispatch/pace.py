"""Decides how far apart a writer's batches begin: in a crowd each waits a moment, so that it grows larger.

A transaction costs the database, and us, nearly the same for one item as for twenty (docs/decisions/0025).
Whoever asks one thing after the other, or comes after a pause, waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

_LOOK_EVERY_S = 0.002
#: A batch of so many did not come alone: the next one waits for more.
CROWD = 2
#: So many batches tell how many are there.
_REMEMBERED = 32


class Pace:
    """The pace of one place that writes in batches, one batch at a time."""

    def __init__(self, apart_s: float, *, enough: int) -> None:
        self._apart_s = apart_s
        self._enough = enough
        self._next_at = 0.0
        self._sizes: deque[int] = deque([enough], _REMEMBERED)

    async def wait(self, waiting: Callable[[], int]) -> None:
        """Wait until the next batch, of which one item is in hand, is to begin.

        At once if the last batch was no crowd. Else `apart_s` after the last one began, or sooner: when
        `enough` items wait, or as many as usually come.
        """
        loop = asyncio.get_running_loop()
        others = min(self._enough, self._usual()) - 1
        while (pause := self._next_at - loop.time()) > 0 and waiting() < others:  # noqa: ASYNC110 - time ends it
            await asyncio.sleep(min(pause, _LOOK_EVERY_S))

    def _usual(self) -> int:
        """Give the upper quartile of the last batches' sizes: a single large one changes nothing."""
        return sorted(self._sizes)[-(len(self._sizes) // 4 + 1)]

    def begin(self, size: int) -> None:
        """Note that a batch of `size` items begins now."""
        now = asyncio.get_running_loop().time()
        self._sizes.append(size)
        self._next_at = now + self._apart_s if size >= CROWD else now
