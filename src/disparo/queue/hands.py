"""How busy a worker is with entries of each kind, for whoever looks whether its engine still picks any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Hands:
    """Entries of each kind that are worked on here, `at_once` at most, and how many ever were."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self._busy = Counter[str]()
        self._picked = Counter[str]()

    @contextmanager
    def work(self, kind: str) -> Iterator[None]:
        """Have a hand full for as long as this lasts."""
        self._picked[kind] += 1
        self._busy[kind] += 1
        try:
            yield
        finally:
            self._busy[kind] -= 1

    def picked(self, kind: str) -> int:
        """Count what was picked of a kind since the process began."""
        return self._picked[kind]

    def is_any_free(self, kind: str) -> bool:
        """Tell whether one more could be picked."""
        return self._busy[kind] < self.at_once
