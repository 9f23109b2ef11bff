"""The last look at a message before its start: may it go, now, with which text (docs/delivery.md §5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from disparo.domain.message import Event
from disparo.domain.phone import read_registered
from disparo.domain.sms_text import SegmentProfile
from disparo.domain.template import InvoiceText, Rendered, TemplateRefused, render
from disparo.domain.windows import IsHoliday, Place, Purpose, allowed_seconds_between, next_allowed, place_of

#: Looked up for each message: calling the class costs 0.2 µs more.
_PURPOSES = {str(each): each for each in Purpose}
_PHONES = [(f"phone_{n}", f"phone_{n}_allowed") for n in (1, 2, 3)]
#: The stored purpose of a bulk run: each message's own, by its invoice's due date.
BY_DUE_DATE = "by_due_date"
#: What the messages of a run wait for as one, while it is not over: its own chunks are for that.
_WITH_ITS_RUN, _NOT_OVER = ("paused", "outside_window"), ("running", "paused")


@dataclass(frozen=True, slots=True)
class Rules:
    """The installation's settings for the last look."""

    brand: str
    template: str | None
    zone: ZoneInfo
    max_parts: int
    allow_paid: bool
    is_holiday: IsHoliday
    max_per_phone_day: int = 0  # of notices and collections; 0: any number
    max_per_phone_week: int = 0
    allow_zero: bool = False

    @property
    def allowed(self) -> list[str]:
        """Give the reasons against an invoice that do not count here."""
        named = {"invoice_paid": self.allow_paid, "invoice_zero": self.allow_zero}
        return [reason for reason, is_allowed in named.items() if is_allowed]


@dataclass(frozen=True, slots=True)
class Wait:
    """The message waits until `until`, and is looked at again then."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The message does not go; `event` is SKIP, EXPIRE, FAIL or CANCEL."""

    event: Event
    reason: str


def objection(facts: Mapping[str, Any], rules: Rules) -> Wait | Drop | None:
    """Tell why a claimed message (a row of `claimed_facts.sql`) may not go now; None: it may."""
    if facts["is_cancelled"]:
        return Drop(Event.CANCEL, "cancelled")
    if facts["run_state"] == "paused":
        return Wait(facts["due_at"], "paused")
    reason = _why_not(facts, rules)
    if reason is not None:
        return Drop(Event.SKIP, reason)
    if _waited_too_long(facts, rules):
        return Drop(Event.EXPIRE, "timeout")
    opens_at = _opens_at(facts, rules)
    if opens_at > facts["now"]:
        return Wait(opens_at, "outside_window")
    return None


def must_wait(facts: Mapping[str, Any], rules: Rules) -> bool:
    """Tell whether a claimed message may not go now, nor be dropped: whatever its source says of it."""
    return isinstance(objection(facts, rules), Wait)


def waits_with_run(facts: Mapping[str, Any], wait: Wait) -> bool:
    """Tell whether a message that waits belongs among its bulk run's own chunks."""
    return wait.reason in _WITH_ITS_RUN and facts["run_state"] in _NOT_OVER


def _why_not(facts: Mapping[str, Any], rules: Rules) -> str | None:
    if (reason := _why_not_its_invoice(facts, rules)) is not None:
        return reason
    if facts["opted_out"]:
        return "opted_out"
    if facts["origin"] == "extra":  # it came with the call: the register has no say, but for whose invoice
        return "invoice_moved" if facts["is_anothers"] else None
    permitted = _permitted(facts)
    if not permitted:
        return "number_gone"
    return None if any(permitted) else "permission_withdrawn"


def _why_not_its_invoice(facts: Mapping[str, Any], rules: Rules) -> str | None:
    if not facts["invoice_exists"]:
        return "invoice_gone"
    return against_invoice(
        facts["invoice_status"], facts["amount"], allow_paid=rules.allow_paid, allow_zero=rules.allow_zero
    )


def against_invoice(status: str, amount: Decimal | None, *, allow_paid: bool, allow_zero: bool) -> str | None:
    """Give why an invoice that is there must not be sent; a call is asked the same as the last look."""
    if status == "cancelled":
        return "invoice_cancelled"
    if status == "paid" and not allow_paid:
        return "invoice_paid"
    if not amount and not allow_zero:
        return "invoice_zero"
    return None


def _permitted(facts: Mapping[str, Any]) -> list[bool]:
    """Tell of each place of the register where this number stands today whether SMS to it is permitted."""
    if facts["origin"] == "contact":
        places = [(facts["contact_phone"], facts["contact_allowed"])]
    else:
        places = [(facts[phone], facts[allowed]) for phone, allowed in _PHONES]
    return [bool(allowed) for registered, allowed in places if _is(registered, facts["e164"])]


def _is(registered: str | None, e164: str) -> bool:
    if registered is None or f"+55{registered}" == e164:
        return registered is not None
    return any(phone.e164 == e164 for phone in read_registered(registered)[0])


def _waited_too_long(facts: Mapping[str, Any], rules: Rules) -> bool:
    limit_s: int = facts["timeout_s"]
    if (facts["now"] - facts["wait_since"]).total_seconds() <= limit_s:
        return False  # the clock on the wall has not even run out
    waited = allowed_seconds_between(
        facts["wait_since"],
        facts["now"],
        _purpose_at(facts["now"], facts["purpose"], facts["due_date"], rules.zone),
        place=_place(facts, rules),
        is_holiday=rules.is_holiday,
    )
    return waited > limit_s


def opens_at(
    at: datetime, purpose: str, *, due_date: date, place: Place, zone: ZoneInfo, is_holiday: IsHoliday
) -> datetime:
    """Give the first moment, from `at` on, at which a message may go, as what it is on that day."""
    now = _purpose_at(at, purpose, due_date, zone)
    first = next_allowed(at, now, place=place, is_holiday=is_holiday)
    then = _purpose_at(first, purpose, due_date, zone)
    return first if then is now else next_allowed(first, then, place=place, is_holiday=is_holiday)


def _purpose_at(at: datetime, purpose: str, due_date: date, zone: ZoneInfo) -> Purpose:
    """Give whose hours a message keeps: the notice of an invoice that is overdue by then asks for a debt."""
    if purpose not in (BY_DUE_DATE, Purpose.NOTICE):
        return _PURPOSES[purpose]
    return Purpose.COLLECTION if due_date < at.astimezone(zone).date() else Purpose.NOTICE


def _opens_at(facts: Mapping[str, Any], rules: Rules) -> datetime:
    return opens_at(
        facts["now"],
        facts["purpose"],
        due_date=facts["due_date"],
        place=_place(facts, rules),
        zone=rules.zone,
        is_holiday=rules.is_holiday,
    )


def _place(facts: Mapping[str, Any], rules: Rules) -> Place:
    return place_of(facts["uf"], facts["e164"][3:5], default=rules.zone)


@lru_cache(maxsize=64)
def _bounded(profile: SegmentProfile, max_parts: int) -> SegmentProfile:
    return profile.at_most(max_parts)


def rendered(facts: Mapping[str, Any], rules: Rules, profile: SegmentProfile) -> Rendered | Drop:
    """Give a message's text as a platform of this profile counts and cuts it."""
    today = facts["now"].astimezone(rules.zone).date()
    invoice = InvoiceText.of(facts, brand=rules.brand, is_overdue=facts["due_date"] < today)
    try:
        return render(
            invoice, _bounded(profile, rules.max_parts), template=facts["template"] or rules.template
        )
    except TemplateRefused as refused:
        return Drop(Event.FAIL, refused.reason)
