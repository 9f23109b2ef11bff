"""What a platform's own log says of when things came and went."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Log:
    """A simulator's log, read on as it grows: `arrived` and `answered` by the platform's id of a message."""

    path: Path
    arrived: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    taken: list[float] = field(default_factory=list)  # in order of arrival
    _read_to: int = 0

    def read_on(self) -> Log:
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # still being written
                self._read_to += len(line)
                self._note(json.loads(line))
        return self

    def _note(self, entry: dict[str, Any]) -> None:
        if "answered_at" in entry:
            self.answered[entry["id"]] = entry["answered_at"]
        elif "taken" in entry:
            self.arrived[entry["id"]] = entry["at"]
            self.numbers[entry["id"]] = entry["to"]
            if entry["taken"]:
                self.taken.append(entry["at"])


def within(moments: Sequence[float], begin: float, end: float) -> int:
    """How many of these moments, in order, lie in [begin, end)."""
    return bisect_left(moments, end) - bisect_left(moments, begin)


def largest_within(moments: Sequence[float], seconds: float) -> int:
    """The most that any stretch of so many seconds holds, wherever it begins."""
    return max((within(moments, at, at + seconds) for at in moments), default=0)


def in_flight(log: Log, ids: Iterable[str], *, until: float) -> list[tuple[float, int]]:
    """How many were with the platform from each moment on; what it never answered it has until `until`."""
    # What goes at the same moment as another comes goes first: the log is no finer than 0.1 ms.
    steps = sorted(
        step for id_ in ids for step in ((log.arrived[id_], 1), (log.answered.get(id_, until), -1))
    )
    found, now = [], 0
    for at, change in steps:
        now += change
        found.append((at, now))
    return found
