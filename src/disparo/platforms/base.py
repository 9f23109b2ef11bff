"""The shape of every SMS platform.

A platform's file knows its own wire format and nothing of the database, the queue or settings. It never
raises for what a platform does: every hand-over ends in one of the outcomes of `domain.outcome`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, Protocol

from disparo.domain.outcome import FailureClass, InboundText, Outcome, ReceiptEvent
from disparo.domain.sms_text import SegmentProfile


def boottime_s() -> float:
    """Seconds of CLOCK_BOOTTIME: goes on while the process, or the whole machine, is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Outgoing(NamedTuple):
    """One started hand-over. Past `deadline_s` (CLOCK_BOOTTIME seconds) it may no longer be written.

    `slot_ends_s`, on the same clock: what had to wait for a connection until then has lost its slot of the
    limit a second, and is not started. With others that waited it would be a burst. `next_part` is called
    before each further hand-over of the same message, where each of its parts is one: it waits for that one's
    slot, if there is a limit, and gives when the slot ends.
    """

    reference: str
    e164: str
    text: str
    deadline_s: float
    slot_ends_s: float = math.inf
    next_part: Callable[[], Awaitable[float]] | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do; the hand-over sizes its groups by it."""

    max_batch: int = 1
    answer_within_s: float = 20.0  # a hand-over that is not answered by then is given up
    window: int = 50  # hand-overs in flight at once, for each worker
    shared_window: int | None = None  # ... and for all workers together
    per_second: float | None = None  # None: as fast as it goes; all workers together
    per_day: int | None = None  # hand-overs in any 24 hours; all workers together
    limits_count_parts: bool = False  # ... each of a long text's, for these two
    profile: SegmentProfile = field(default_factory=SegmentProfile)  # how it counts and cuts texts
    tries_are_safe_s: int = 0  # the platform de-duplicates by our reference for so many seconds
    receipts: bool = False  # it brings receipts to our webhook
    handset_receipts: bool = False  # ... and tells the handset's from the carrier's
    inbound: bool = False  # it brings texts that customers send
    receipt_reply: str = "OK"  # what the platform wants to hear
    can_be_asked: bool = False  # what became of an uncertain message
    poll_after_s: float | None = None  # nobody brings receipts: ask for those missing so long
    ask_every_s: float = 0.0  # so much time between two questions of either kind, from all workers
    client_reference: bool = False  # it knows a message by our reference
    has_balance: bool = False
    low_balance: Decimal | None = None  # a person should be told below it
    has_health: bool = False


class WebhookRequest(NamedTuple):
    """A platform's call to our webhook; header names are lower case, `url` as the platform knows it."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    url: str = ""


class Heard(NamedTuple):
    """What one call to our webhook said: receipts or texts."""

    receipts: Sequence[ReceiptEvent] = ()
    texts: Sequence[InboundText] = ()
    #: Where a call says several things, the part of each, in their order: the rest is other people's.
    parts: Sequence[str] = ()


#: Told what a platform said over a connection that it keeps with us, and the same as it came; calls back with
#: whether that is stored.
Hear = Callable[[Heard, str, Callable[[bool], None]], None]


#: Told the outcome of the message at this place of a batch; again where its answer comes after all.
Report = Callable[[int, Outcome], None]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Both sides of one call as they stood on the wire, secrets masked: for `plataforma testar`.

    `response` is empty where none came.
    """

    request: str
    response: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What a platform said when asked; `raw` as it came."""

    event: ReceiptEvent
    raw: str


class NoAnswer(NamedTuple):
    """A question that got no answer: it is away, or answers nobody, or not us, or not now."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What credit is left, in the platform's own unit (messages or money)."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a platform answers as it should; `failure` says why not, `detail` in short."""

    is_well: bool
    failure: FailureClass | None = None
    detail: str = ""


class Link(NamedTuple):
    """The connections that this process keeps to a platform: whether there is one.

    `refused`: with which code the platform gives it none, though it may well give another process one.
    """

    is_up: bool
    refused: str | None = None


class WebhookRejected(Exception):
    """A call to our webhook that cannot be read; the text goes to the log."""


class WebhookForged(WebhookRejected):
    """A call to our webhook that is not the platform's."""


class Platform(Protocol):
    """An SMS platform as the hand-over and the webhooks use it."""

    @property
    def name(self) -> str:
        """The name the administrator gave it in the settings."""

    @property
    def capabilities(self) -> Capabilities:
        """Constant for the life of the object."""

    async def send(self, batch: Sequence[Outgoing], report: Report | None = None) -> list[Outcome]:
        """Hand over at most `max_batch` messages in one write; outcomes in the same order; never raises.

        Where messages are answered one by one, `report` may be told of each as soon as it is: one that is
        slow then keeps no other from being written down.
        """

    def listen(self, hear: Hear) -> None:
        """Keep the connections over which it tells of messages, until `close`; nothing where it calls us."""

    @property
    def unknown_codes(self) -> Mapping[str, int]:
        """How many codes it did not know, by where they stood: `answer`, `receipt`."""

    @property
    def clock_ahead_s(self) -> float | None:
        """How far its clock is ahead of ours, at the least; None where that is not known."""

    @property
    def link(self) -> Link | None:
        """The connections of `listen`; None where it keeps none, and takes messages without."""

    async def ask(self, reference: str, platform_id: str | None = None) -> Answered | NoAnswer | None:
        """Ask what became of a message; None where that tells nothing. "Not known" tells nothing."""

    async def balance(self) -> Balance | None:
        """Ask what credit is left; None where it cannot be asked or does not answer."""

    async def health(self) -> Health | None:
        """Ask whether it is there and knows us, sending nothing; None where it cannot be asked."""

    def parse_webhook(self, request: WebhookRequest) -> Heard:
        """Read one webhook call, after checking that it is the platform's; raises WebhookRejected."""

    def masked(self, text: str) -> str:
        """Hide its secrets in a call as it came: some platforms send along what they let us in by."""

    async def close(self) -> None:
        """Give up connections."""
