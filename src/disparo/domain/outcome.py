"""What a platform says: of a hand-over at once (outcome), of a message later (receipt)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple


class OutcomeKind(StrEnum):
    """What became of one hand-over (docs/delivery.md §3)."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good: never tried again
    NOT_TAKEN = "not_taken"  # surely not taken: free to try again
    NOT_STARTED = "not_started"  # the start's deadline passed before the write
    AMBIGUOUS = "ambiguous"  # the bytes may have had an effect: never re-sent by itself


class FailureClass(StrEnum):
    """Why, in words common to all platforms."""

    NUMBER = "number"  # the phone is marked
    OPT_OUT = "opt_out"  # the phone is suppressed
    CONTENT = "content"
    CREDIT = "credit"
    AUTH = "auth"
    THROTTLE = "throttle"
    CARRIER = "carrier"
    EXPIRED = "expired"
    NETWORK = "network"
    UNKNOWN = "unknown"
    GUARD = "guard"  # no platform's: our administrator has not allowed real SMS yet


#: What a platform can say, so that its settings may name it.
SaidByPlatform = Literal[
    FailureClass.NUMBER,
    FailureClass.OPT_OUT,
    FailureClass.CONTENT,
    FailureClass.CREDIT,
    FailureClass.AUTH,
    FailureClass.THROTTLE,
    FailureClass.CARRIER,
    FailureClass.EXPIRED,
    FailureClass.NETWORK,
    FailureClass.UNKNOWN,
]


class ReceiptKind(StrEnum):
    """The levels a receipt can speak of; OTHER is stored and moves nothing."""

    SENT = "sent"  # the carrier has it
    DELIVERED = "delivered"  # the handset has it
    UNDELIVERED = "undelivered"  # failed, expired or rejected
    OTHER = "other"  # progress notes and unknown codes


class Outcome(NamedTuple):
    """One hand-over's result; `detail` is cut to 500 characters and holds no secret."""

    kind: OutcomeKind
    platform_id: str | None = None
    code: str | None = None
    detail: str | None = None
    failure: FailureClass | None = None
    segments: int | None = None
    retry_after_s: float | None = None


class ReceiptEvent(NamedTuple):
    """One normalised receipt; at least one of `platform_id` and `reference` is set."""

    kind: ReceiptKind
    platform_id: str | None = None
    reference: str | None = None
    code: str | None = None
    failure: FailureClass | None = None
    carrier: str | None = None
    happened_at: datetime | None = None


class InboundText(NamedTuple):
    """A text that somebody sent to us; without a sender, the message of ours that it answers names them."""

    sender: str | None
    text: str
    platform_id: str | None = None  # the platform's id of this text
    about_id: str | None = None  # the platform's id of our message that it answers
    about_reference: str | None = None  # or our reference of it
