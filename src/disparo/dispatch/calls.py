"""Calls to be accepted: what one asks, who asks, and what it is told."""

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
    """Why a call is refused; nothing is stored then."""

    INVOICE_UNKNOWN = "invoice_unknown"
    INVOICE_PAID = "invoice_paid"
    INVOICE_CANCELLED = "invoice_cancelled"
    NOBODY = "nobody"
    NO_PLATFORM = "no_platform"
    EXTRA_CAP = "extra_cap"
    KEY_REUSED = "key_reused"


class Caller(NamedTuple):
    """Who calls, and what their API client is set to."""

    client_id: int | None  # None: a person at the panel
    user_id: int
    purpose: Purpose
    repeat_window_s: int
    extra_phones_per_day: int


class Accepted(NamedTuple):
    """What was stored; with `earlier` nothing was, since everyone had this invoice a moment ago."""

    dispatch_id: UUID
    invoice_id: int
    recipients: Sequence[Recipient]
    ignored: Sequence[Ignored]
    starts_at: datetime
    stored_as: StoredAs
    earlier: bool = False


class Call(NamedTuple):
    """One validated call; `render` shapes the answer, which an idempotency key keeps as bytes.

    `not_to`: E.164 numbers that had the invoice already.
    """

    invoice_id: int
    extra_phones: Sequence[Phone]
    caller: Caller
    render: Callable[[Accepted], bytes]
    key: Key | None = None
    not_to: Collection[str] = ()


class Done(NamedTuple):
    """The answer's bytes, and what they are about; `replayed`: of an earlier call."""

    response: bytes
    dispatch_id: UUID | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was stored."""

    reason: Reason
    invoice_id: int
    paid_at: date | None = None
    limit: int | None = None


class InProgress:
    """Another call holds the idempotency key right now."""


Verdict = Done | Refused | InProgress


@dataclass(frozen=True, slots=True)
class AcceptSettings:
    """What the installation says about accepting."""

    stored_as: StoredAs
    delay_s: float
    zone: ZoneInfo
    allow_paid: bool
    has_platform: bool
    is_holiday: IsHoliday
