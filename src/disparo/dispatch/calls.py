"""The shapes of accepting: a call, its caller, the installation's settings, and the verdict on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from disparo.db.dispatches import StoredAs
from disparo.db.idempotency import Key
from disparo.domain.phone import Phone
from disparo.domain.recipients import Ignored, Recipient
from disparo.domain.windows import IsHoliday, Purpose


class Reason(StrEnum):
    """Why a call is refused and nothing is stored."""

    INVOICE_UNKNOWN = "invoice_unknown"
    INVOICE_PAID = "invoice_paid"
    INVOICE_CANCELLED = "invoice_cancelled"
    INVOICE_ZERO = "invoice_zero"
    NOBODY = "nobody"
    NO_PLATFORM = "no_platform"
    EXTRA_CAP = "extra_cap"
    KEY_REUSED = "key_reused"


class Caller(NamedTuple):
    """The user who calls, and the settings of their API client."""

    client_id: int | None  # None: a person at the panel
    user_id: int
    purpose: Purpose
    repeat_window_s: int
    extra_phones_per_day: int


class Accepted(NamedTuple):
    """The dispatch that a call made, and its recipients.

    With `earlier` it is the one of an earlier call: everybody had this invoice within the client's repeat
    window, and nothing was stored.
    """

    dispatch_id: UUID
    invoice_id: int
    recipients: Sequence[Recipient]
    ignored: Sequence[Ignored]
    starts_at: datetime
    stored_as: StoredAs
    earlier: bool = False


class Call(NamedTuple):
    """One validated call; `render` makes the answer's bytes, which an idempotency key keeps.

    `not_to`: E.164 numbers that are left out, since they had the invoice already.
    """

    invoice_id: int
    extra_phones: Sequence[Phone]
    caller: Caller
    render: Callable[[Accepted], bytes]
    key: Key | None = None
    not_to: Collection[str] = ()


class Done(NamedTuple):
    """An accepted call: the answer's bytes and the dispatch; `replayed`: kept from an earlier call."""

    response: bytes
    dispatch_id: UUID | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused call: nothing was stored."""

    reason: Reason
    invoice_id: int
    paid_at: date | None = None
    limit: int | None = None


class InProgress:
    """A call whose idempotency key is held by another one just now."""


Verdict = Done | Refused | InProgress


@dataclass(frozen=True, slots=True)
class AcceptSettings:
    """The installation's settings for accepting."""

    stored_as: StoredAs
    delay_s: float
    zone: ZoneInfo
    allow_paid: bool
    has_platform: bool
    is_holiday: IsHoliday
    allow_zero: bool = False
