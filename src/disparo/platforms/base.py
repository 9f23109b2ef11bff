"""The one shape of every SMS platform.

A platform file knows its own wire format and nothing of the database, the queue or settings. It never
raises for what a platform does: every hand-over ends in one of the outcomes of `domain.outcome`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from disparo.domain.outcome import Outcome, ReceiptEvent
from disparo.domain.sms_text import SegmentProfile


def boottime_s() -> float:
    """Seconds of CLOCK_BOOTTIME: goes on while the process, or the whole machine, is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One started hand-over. Past `deadline_s` (CLOCK_BOOTTIME seconds) it may no longer be written."""

    reference: str
    e164: str
    text: str
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do; the hand-over sizes its groups by it."""

    max_batch: int = 1
    window: int = 50  # hand-overs in flight at once, for each worker
    shared_window: int | None = None  # ... and for all workers together
    per_second: float | None = None  # None: as fast as it goes; all workers together
    per_day: int | None = None  # hand-overs a day of the installation's zone; all workers together
    profile: SegmentProfile = field(default_factory=SegmentProfile)  # how it counts and cuts texts
    tries_are_safe_s: int = 0  # the platform de-duplicates by our reference for so many seconds
    receipts: bool = False
    receipt_reply: str = "OK"  # what the platform wants to hear
    can_be_asked: bool = False  # what became of a message, by our reference


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """What a platform called us with; header names are lower case."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """Both sides of one call as they stood on the wire, secrets masked: for `plataforma testar`."""

    request: str
    response: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a platform said when asked; `raw` as it came."""

    event: ReceiptEvent
    raw: str


class WebhookRejected(Exception):
    """The call is not the platform's (wrong authentication) or cannot be read; the text goes to the log."""


class Platform(Protocol):
    """What the hand-over and the webhooks use."""

    @property
    def name(self) -> str:
        """The name the administrator gave it in the settings."""

    @property
    def capabilities(self) -> Capabilities:
        """Constant for the life of the object."""

    async def send(self, batch: Sequence[Outgoing]) -> list[Outcome]:
        """Hand over at most `max_batch` messages in one write; outcomes in the same order; never raises."""

    async def ask(self, reference: str) -> Answered | None:
        """Ask what became of a message; None where that tells nothing. "Not known" is never an answer."""

    def parse_receipts(self, request: WebhookRequest) -> list[ReceiptEvent]:
        """Read one webhook call, after checking that it is the platform's; raises WebhookRejected."""

    async def close(self) -> None:
        """Give up connections."""
