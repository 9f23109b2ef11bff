"""Tells whether the pages of a step were all its rows: rows move between pages while these are read."""

from __future__ import annotations

from dataclasses import dataclass, field

from disparo.sources.base import Page


@dataclass(slots=True)
class Listing:
    """The rows listed in one step. `is_whole`: from its first page on, without a cut in between.

    `left_out`: rows that were listed and could not be brought.
    """

    is_whole: bool = False
    ids: set[int] = field(default_factory=set)
    left_out: int = 0
    _most: int | None = None
    _has_moved: bool = False
    _is_second: bool = False

    def add(self, page: Page, number: int) -> None:
        """Add the page of this number; the first begins anew."""
        if number == 0:
            self.is_whole, self._has_moved, self._most, self.left_out = True, False, None, 0
            self.ids.clear()
        before = len(self.ids)
        self.ids.update(page.ids)
        self.left_out += page.left_out
        self._has_moved |= len(self.ids) - before < len(page.ids) or (number > 0 and self._most != page.total)
        if page.total is not None:
            self._most = max(self._most or 0, page.total)

    def wants_second(self) -> bool:
        """Tell, once, whether the step is worth being read again: something is missing, and rows moved."""
        if self._is_second or not self.missing or not self._has_moved:
            return False
        self._is_second = True
        return True

    @property
    def missing(self) -> int:
        """How many the source says there are, and did not list; 0 where it does not say."""
        return max(0, (self._most or 0) - len(self.ids)) if self.is_whole else 0

    @property
    def is_complete(self) -> bool:
        """Everything there is was listed, by the source's own count."""
        return self.is_whole and self._most is not None and not self.missing
