"""What a pushed item says by other names than the lookups': leave to send SMS, phones, an invoice's end.

As a file's columns and people name it. What says nothing (null, an empty text) hides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from disparo.api.hubsoft.reading import listed
from disparo.db.customers import InvoiceRow
from disparo.sources.column_names import FIELDS, PERMISSION, permission_of
from disparo.sources.csv_fields import BadField, read_amount, read_date, read_flag, read_status
from disparo.sources.hubsoft_fields import read_invoice
from disparo.sources.hubsoft_names import CUSTOMER, phone_field
from disparo.sources.json_values import flag_of, says_nothing, value_of

#: As a file's columns and a contact name it: leave to send SMS, of all phones that have no flag of their own.
_OF_ALL_PHONES = ("permite_sms", *PERMISSION)
_OF_A_PHONE = tuple(name for name, _, _ in CUSTOMER if name.startswith("permite_sms_"))


def with_leave(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take leave to send SMS by its shorter names too: who was not to get any would go on getting them.

    Null and an empty text say nothing, by whatever name. Raises BadField.
    """
    found = dict(item)
    for number, own in enumerate(_OF_A_PHONE, start=1):
        if not says_nothing(item.get(own)):
            continue
        if leave := _leave_in(item, permission_of(number)) or _leave_in(item, _OF_ALL_PHONES):
            found[own] = leave
    contacts = listed(item.get("contatos"))
    if isinstance(contacts, list):
        found["contatos"] = [
            _with_phone(_contact_with_leave(each)) if isinstance(each, dict) else each for each in contacts
        ]
    return found


def read_pushed(item: Mapping[str, Any]) -> InvoiceRow:
    """Read an invoice and its end by any of its names; raises BadField, named as it was written."""
    found, written = _with_end(item)
    try:
        return read_invoice(found)
    except BadField as bad:
        said = re.sub(r"\w+", lambda word: written.get(word[0], word[0]), str(bad))
        raise BadField(said) from None


def _with_end(item: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Take the end of an invoice by its other names too: who owes nothing would be asked for money.

    By a name of the lookups null says nothing where another name says something. Gives the item, and the
    names that it was read from in place of those of the lookups. Raises BadField of two names that contradict
    each other.
    """
    found, written = dict(item), dict[str, str]()
    if says_nothing(item.get("status")) and not says_nothing(item.get("situacao")):
        written["status"] = "situacao"
    if _state(item, "status") == "open" and _state(item, "situacao") in ("paid", "cancelled"):
        raise BadField("status diz que a fatura está aberta, e situacao que não")
    if says_nothing(item.get("data_pagamento")) and "pago_em" in item:
        found["data_pagamento"], written["data_pagamento"] = item["pago_em"], "pago_em"
    paid = next((name for name in FIELDS["faturas"]["quitado"] if _is_yes(item, name)), None)
    if paid is not None:
        if _told(item, "quitado") is False:
            raise BadField(f"quitado diz que a fatura não foi paga, e {paid} que foi")
        found["quitado"] = True
    if says_nothing(item.get("valor_pago")):
        named = (name for name in FIELDS["faturas"]["quitado"] if _is_amount(item.get(name), name))
        if (name := next(named, None)) is not None:
            found["valor_pago"], written["valor_pago"] = item[name], name
    cancelled = next((name for name in ("cancelado", "cancelada") if _is_yes(item, name)), None)
    if cancelled is not None:
        if _told(item, "fatura_ativa"):
            raise BadField(f"fatura_ativa diz que a fatura vale, e {cancelled} que foi cancelada")
        found["fatura_ativa"] = False
    return found, written


def _contact_with_leave(contact: Mapping[str, Any]) -> Mapping[str, Any]:
    if says_nothing(contact.get("permite_enviar_sms")) and (leave := _leave_in(contact, _OF_ALL_PHONES)):
        return {**contact, "permite_enviar_sms": leave}
    return contact


def _with_phone(contact: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take the phone of a contact from `celular` where that alone is filled, as many programs have two."""
    if not says_nothing(contact.get("telefone")) or says_nothing(contact.get("celular")):
        return contact
    phone_field(value_of(contact["celular"], "celular"), "celular")
    return {**contact, "telefone": contact["celular"]}


def _leave_in(item: Mapping[str, Any], names: Sequence[str]) -> str:
    """Give what the first of these names that says something says; raises BadField, which has that name."""
    name = next((name for name in names if not says_nothing(item.get(name))), None)
    if name is None:
        return ""
    said = flag_of(item[name], name)
    read_flag(said, name, default=True)
    return said


def _is_yes(item: Mapping[str, Any], name: str) -> bool:
    """Tell whether it says yes by this name; an amount does not. Raises BadField of a day."""
    value = item.get(name)
    try:
        return read_flag(flag_of(value, name), name, default=False)
    except BadField:
        if _is_day(value, name):
            raise BadField(f"{name} deve ser sim ou nao, e traz um dia") from None
        return False


def _state(item: Mapping[str, Any], name: str) -> str | None:
    """Give the state of an invoice that a name says; None of any other word."""
    with suppress(BadField):  # `situacao` may be the contract's
        if word := value_of(item.get(name), name):
            return read_status(word, name, paid_at=None)
    return None


def _told(item: Mapping[str, Any], name: str) -> bool | None:
    """Give what a name of the lookups says, None where it says nothing; raises BadField."""
    said = item.get(name)
    return None if says_nothing(said) else read_flag(flag_of(said, name), name, default=False)


def _is_amount(value: object, name: str) -> bool:
    """Tell what some write there: how much was paid. 0 and 1 are no and yes."""
    with suppress(BadField):
        text = flag_of(value, name)
        with suppress(BadField):
            read_flag(text, name, default=False)
            return False
        return read_amount(text, name) > 0
    return False


def _is_day(value: object, name: str) -> bool:
    with suppress(BadField):
        return read_date(value_of(value, name), name) is not None
    return False
