"""Tells whether the pages of a step were all its rows: rows move between pages while these are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from disparo.sources.base import Page


@dataclass(slots=True)
class Listing:
    """The rows listed in one step. `is_whole`: from its first page on, without a cut in between.

    `left_out`: rows that were listed and could not be brought. After a cut there are no `ids` of before it,
    but how many rows were listed then.
    """

    is_whole: bool = False
    ids: set[int] = field(default_factory=set)
    left_out: int = 0
    _most: int | None = None
    _has_moved: bool = False
    _is_second: bool = False
    _before: int | None = None

    @classmethod
    def going_on(cls, told: Mapping[str, Any] | None) -> Listing:
        """Give the listing of a step that was cut in the middle; None: nobody knows what was listed."""
        if told is None:
            return cls()
        moved = told.get("moved", False)
        return cls(left_out=told["left_out"], _most=told["most"], _has_moved=moved, _before=told["rows"])

    def so_far(self) -> dict[str, Any] | None:
        """Give what `going_on` takes."""
        if not self._is_counted:
            return None
        return {
            "rows": (self._before or 0) + len(self.ids),
            "most": self._most,
            "moved": self._has_moved,
            "left_out": self.left_out,
        }

    def add(self, page: Page, number: int) -> None:
        """Add the page of this number; the first begins anew."""
        if number == 0:
            self.is_whole, self._has_moved, self._most, self.left_out = True, False, None, 0
            self._before = None
            self.ids.clear()
        before = len(self.ids)
        self.ids.update(page.ids)
        self.left_out += page.left_out
        self._has_moved |= len(self.ids) - before < len(page.ids) or (number > 0 and self._most != page.total)
        if page.total is not None:
            self._most = max(self._most or 0, page.total)

    def wants_second(self) -> bool:
        """Tell, once, whether the step is worth being read again: rows moved, and something is missing.

        Of rows that moved while a step stood still in its middle nobody knows which were listed twice.
        """
        if self._is_second or not self._has_moved or (self._before is None and not self.missing):
            return False
        self._is_second = True
        return True

    @property
    def missing(self) -> int:
        """How many the source says there are, and did not list; 0 where it does not say."""
        return max(0, (self._most or 0) - (self._before or 0) - len(self.ids)) if self._is_counted else 0

    @property
    def _is_counted(self) -> bool:
        return self.is_whole or self._before is not None

    @property
    def is_complete(self) -> bool:
        """Everything there is was listed, by the source's own count."""
        return self.is_whole and self._most is not None and not self.missing
