"""Conditions of a query that is put together, with their arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

#: Instead of no condition: plans are made once, and one that may have no bound or key uses no index for it.
BEFORE_ALL, AFTER_ALL = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Where:
    """Conditions and their arguments, numbered as they come."""

    parts: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: object) -> None:
        """`{}` in the condition stands for the next argument."""
        marks = []
        for value in values:
            self.arguments.append(value)
            marks.append(f"${len(self.arguments)}")
        self.parts.append(condition.format(*marks))

    def __str__(self) -> str:
        return " AND ".join(self.parts) or "true"
