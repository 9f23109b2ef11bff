"""Lists who gets the SMS of an invoice: registered phones, contacts, additional ones (docs/api.md §3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from disparo.domain.phone import Phone, PhoneKind, is_filler, parse_phone, read_registered

_LONGEST_SHOWN = 20


class Origin(StrEnum):
    """Where a number comes from."""

    CUSTOMER = "customer"
    CONTACT = "contact"
    EXTRA = "extra"


class IgnoredReason(StrEnum):
    """Why a number gets no SMS."""

    LANDLINE = "landline"
    INVALID = "invalid"
    NO_PERMISSION = "no_permission"
    OPTED_OUT = "opted_out"
    REPEATED = "repeated"


class Contact(NamedTuple):
    """One contact of a customer."""

    contact_id: int
    name: str
    phone: str
    allowed: bool


class Register(NamedTuple):
    """What is registered of a customer; `phones` are (field as it stands, permitted)."""

    customer_id: int
    name: str
    uf: str | None
    phones: Sequence[tuple[str | None, bool]]
    contacts: Sequence[Contact] = ()


class Recipient(NamedTuple):
    """One number that gets the SMS."""

    phone: Phone
    origin: Origin
    customer_id: int
    contact_id: int | None
    name: str


class Ignored(NamedTuple):
    """One number that gets none; `phone` is as it was registered or sent, digits only."""

    phone: str
    reason: IgnoredReason


class Candidates(NamedTuple):
    """Who could get the SMS, before opt-outs and repeats are known; one per normalised number."""

    recipients: Sequence[Recipient]
    ignored: Sequence[Ignored]


def list_candidates(register: Register, extra: Sequence[Phone]) -> Candidates:
    """List everyone in the contract's order; a number that appears twice counts where it comes first."""
    chosen: dict[str, Recipient] = {}
    ignored: dict[str, Ignored] = {}
    for item in _everyone(register, extra):
        if isinstance(item, Ignored):
            ignored.setdefault(_number(item), item)
        else:
            chosen.setdefault(item.phone.e164, item)
    return Candidates(
        list(chosen.values()), [item for number, item in ignored.items() if number not in chosen]
    )


def drop(candidates: Candidates, *, opted_out: Iterable[str], repeated: Iterable[str] = ()) -> Candidates:
    """Leave out E.164 numbers that opted out, or had this invoice a moment ago."""
    out, again = frozenset(opted_out), frozenset(repeated)
    if not out and not again:
        return candidates
    kept, ignored = [], list(candidates.ignored)
    for recipient in candidates.recipients:
        if recipient.phone.e164 in out:
            ignored.append(Ignored(recipient.phone.national, IgnoredReason.OPTED_OUT))
        elif recipient.phone.e164 in again:
            ignored.append(Ignored(recipient.phone.national, IgnoredReason.REPEATED))
        else:
            kept.append(recipient)
    return Candidates(kept, ignored)


def _everyone(register: Register, extra: Sequence[Phone]) -> list[Recipient | Ignored]:
    found: list[Recipient | Ignored] = []
    for field, allowed in register.phones:
        if field:
            found += _registered(register, field, allowed=allowed, contact=None)
    for contact in register.contacts:
        found += _registered(register, contact.phone, allowed=contact.allowed, contact=contact)
    for phone in extra:
        found.append(_one(register, phone, Origin.EXTRA, None))
    return found


def _registered(
    register: Register, field: str, *, allowed: bool, contact: Contact | None
) -> list[Recipient | Ignored]:
    found: list[Recipient | Ignored] = []
    phones, faulty = read_registered(field)
    origin = Origin.CUSTOMER if contact is None else Origin.CONTACT
    for phone in phones:
        if is_filler(phone):
            found.append(Ignored(phone.national, IgnoredReason.INVALID))
        elif not allowed and phone.takes_sms:
            found.append(Ignored(phone.national, IgnoredReason.NO_PERMISSION))
        else:
            found.append(_one(register, phone, origin, contact))
    for text in faulty:
        digits = "".join(filter(str.isdecimal, text))
        found.append(Ignored((digits or text.strip())[:_LONGEST_SHOWN], IgnoredReason.INVALID))
    return found


def _number(item: Ignored) -> str:
    """Give the E.164 number of one without permission: it may be there with its ninth digit and without."""
    return parse_phone(item.phone).e164 if item.reason is IgnoredReason.NO_PERMISSION else item.phone


def _one(register: Register, phone: Phone, origin: Origin, contact: Contact | None) -> Recipient | Ignored:
    if phone.kind is PhoneKind.LANDLINE:
        return Ignored(phone.national, IgnoredReason.LANDLINE)
    name = contact.name if contact is not None and contact.name else register.name
    contact_id = None if contact is None else contact.contact_id
    return Recipient(phone, origin, register.customer_id, contact_id, name)
