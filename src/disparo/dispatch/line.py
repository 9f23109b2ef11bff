"""The prepared messages that wait in one lane: single calls before bulk runs, each in order of arrival.

No message waits here for long: whoever paid or opted out since its last look would get an SMS all the same.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, islice

from disparo.dispatch.claims import Prepared
from disparo.platforms.base import boottime_s

#: A line is filled again when one of so many parts of it is free.
_PORTIONS = 4
_LONGEST = 1000
#: How long a last look holds. A line that is passed much sooner may be longer again.
_LOOK_HOLDS_S, _SOON_S = 10.0, 2.0
_SHORTEST = 4


def length_for(per_second: float | None) -> int:
    """Give how many messages of a kind may wait for a platform: with a limit, what it takes in a second."""
    return _LONGEST if per_second is None else min(_LONGEST, max(1, int(per_second)))


class Line:
    """Two queues of one lane: `length` bulk messages at most, and as many single ones.

    Each becomes shorter while its messages would wait past their last look.
    """

    def __init__(self, length: int, clock: Callable[[], float] = boottime_s) -> None:
        self._clock = clock
        self._urgent = _Queue(length)
        self._bulk = _Queue(length)

    def __len__(self) -> int:
        return len(self._urgent.items) + len(self._bulk.items)

    @property
    def urgent(self) -> int:
        """Give the number of single messages that wait."""
        return len(self._urgent.items)

    def room(self, *, urgent: bool) -> int:
        """Give how many more messages of a kind may wait; 0 while it is few, so that claims are large."""
        return (self._urgent if urgent else self._bulk).room()

    def add(self, items: Sequence[Prepared]) -> None:
        """Queue messages behind those of their kind."""
        for item in items:
            (self._urgent if item.urgent else self._bulk).items.append(item)

    def first(self, count: int) -> list[Prepared]:
        """Give the first `count` messages, or as many as there are, without taking them."""
        return list(islice(chain(self._urgent.items, self._bulk.items), count))

    def take(self, count: int) -> list[Prepared]:
        """Take the first `count` messages, or as many as there are."""
        urgent = self._urgent.take(count)
        return urgent + self._bulk.take(count - len(urgent))

    def take_stale(self) -> list[Prepared]:
        """Take the messages whose last look is too old, and fit the length of each queue to its speed."""
        now = self._clock()
        return self._urgent.take_stale(now) + self._bulk.take_stale(now)


class _Queue:
    def __init__(self, length: int) -> None:
        self._longest = self._length = length
        self._halved_at = -math.inf
        self.items: deque[Prepared] = deque()

    def room(self) -> int:
        free = self._length - len(self.items)
        return free if free * _PORTIONS >= self._length else 0

    def take(self, count: int) -> list[Prepared]:
        return [self.items.popleft() for _ in range(min(count, len(self.items)))]

    def take_stale(self, now: float) -> list[Prepared]:
        oldest_s = now - self.items[0].looked_at if self.items else 0.0
        if oldest_s > _LOOK_HOLDS_S:
            self._length = max(min(_SHORTEST, self._longest), self._length // 2)
            self._halved_at = now
            return self.take(len(self.items))
        # Those that came after a halving are young for a while, however slowly they move.
        if oldest_s < _SOON_S and now - self._halved_at > _LOOK_HOLDS_S:
            self._length = min(self._longest, 2 * self._length)
        return []
