"""Waits that repeat: a message that cannot go is looked at again and again, and each look is two events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from disparo.domain.message import Status


class EventRow(Protocol):
    """A row with `at`, `from_status`, `to_status` and `reason`."""

    def __getitem__(self, name: str, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Change:
    """A message's event, or the first of several alike: looked at, and put back for the same reason."""

    event: EventRow
    times: int
    last_at: datetime


def folded(events: Iterable[EventRow]) -> list[Change]:
    """Give a message's events in their order, the looks that changed nothing as one: by their end alone."""
    found: list[Change] = []
    for event in events:
        if found and found[-1].event["to_status"] == Status.CLAIMED and _ends_a_look(event):
            found.pop()
            if found and _ends_a_look(found[-1].event) and found[-1].event["reason"] == event["reason"]:
                found[-1] = replace(found[-1], times=found[-1].times + 1, last_at=event["at"])
                continue
        found.append(Change(event, 1, event["at"]))
    return found


def _ends_a_look(event: EventRow) -> bool:
    back = event["from_status"] == Status.CLAIMED and event["to_status"] == Status.QUEUED
    return back and event["reason"] is not None
