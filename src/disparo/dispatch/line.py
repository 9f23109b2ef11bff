"""What waits in one lane, claimed and rendered: single calls before bulk runs, each in order of arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from disparo.dispatch.claims import Prepared

#: A line is filled again when one of so many parts of it is free.
_PORTIONS = 4


class Line:
    """`length` bulk messages may wait, and as many single ones beside them."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._urgent: deque[Prepared] = deque()
        self._bulk: deque[Prepared] = deque()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._bulk)

    @property
    def urgent(self) -> int:
        """How many single messages wait."""
        return len(self._urgent)

    def room(self, *, urgent: bool) -> int:
        """How many more of this kind may wait; 0 while it would be few: claims are made in good portions."""
        free = self._length - len(self._urgent if urgent else self._bulk)
        return free if free * _PORTIONS >= self._length else 0

    def add(self, items: Sequence[Prepared]) -> None:
        """Queue messages behind those of their kind."""
        for item in items:
            (self._urgent if item.urgent else self._bulk).append(item)

    def take(self, count: int) -> list[Prepared]:
        """Take the first `count`, or as many as there are."""
        urgent = [self._urgent.popleft() for _ in range(min(count, len(self._urgent)))]
        return urgent + [self._bulk.popleft() for _ in range(min(count - len(urgent), len(self._bulk)))]
