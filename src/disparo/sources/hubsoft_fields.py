"""Reads customers and invoices in HubSoft's own fields, as its API answers them and ERPs push them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from disparo.db.customers import ContactRow, CustomerRow, InvoiceRow, Told
from disparo.domain.states import uf_of
from disparo.sources.csv_fields import (
    ABSENT,
    BadField,
    Reader,
    read_date,
    read_flag,
    read_id,
    read_status,
    read_text,
)
from disparo.sources.hubsoft_names import (
    ADDRESS,
    ADDRESSES,
    COMPANY,
    CUSTOMER,
    DETAILS,
    DEVICE,
    DEVICES,
    FLAGS,
    INVOICE,
    ITEM,
    SERVICE,
    TOLD,
    amount,
    degrees,
    phone_field,
    short_text,
)
from disparo.sources.json_values import Item, flag_of, list_of, name_in, object_of, says_nothing, value_of

_LONGEST_NAME = 200
_CODES = frozenset({"link", "linha_digitavel", "pix"})
#: But what PHP makes of none: zeros, the day before its year 0, and its first second on the clocks of Brazil.
_SOME_DAY = re.compile(r"(?!.*(?:-0001|1969-12-31|31/12/1969)).*[1-9]")
_LINE_BREAKS = re.compile(r"[\r\n]+")


def read_customer(item: Item, *, lenient: bool = False) -> CustomerRow:
    """Read a customer; raises BadField naming the field."""
    name = value_of(item.get("nome_razaosocial"), "nome_razaosocial", lenient=lenient)
    row: dict[str, Any] = {
        "id": read_id(value_of(item.get("id_cliente"), "id_cliente"), "id_cliente"),
        "name": read_text(
            name[:_LONGEST_NAME] if lenient else name,
            "nome_razaosocial",
            longest=_LONGEST_NAME,
            required=True,
        ),
    }
    row |= _read(item, CUSTOMER, lenient=lenient)
    services = list_of(item, "servicos", lenient=lenient)
    if services is not None:
        row["services"] = [_service(service, lenient=lenient) for service in services]
    if not ADDRESSES.keys().isdisjoint(item):
        row["addresses"] = _addresses(item, lenient=lenient)
    uf = _uf_of(row, item, lenient=lenient)
    if uf is not None:
        row["uf"] = uf
    return cast("CustomerRow", row)


def read_told(item: Item) -> tuple[int, Told] | None:
    """Read whose an invoice is and what it tells of them; None where that is nothing that can be read."""
    customer = item.get("cliente")
    if not isinstance(customer, dict):
        return None
    found = _read(customer, TOLD, lenient=True)
    with suppress(BadField):
        id_ = read_id(
            value_of(customer.get("id_cliente", item.get("id_cliente")), "id_cliente"), "id_cliente"
        )
        first, second, third = (found.get(f"phone_{n}") for n in (1, 2, 3))
        if first or second or third or "active" in found:
            return id_, (first, second, third, found.get("active"))
    return None


def read_contacts(item: Item, customer_id: int) -> list[ContactRow] | None:
    """Read a customer's contacts, None where nothing is said of them; raises BadField."""
    contacts = list_of(item, "contatos")
    if contacts is None:
        return None
    return [
        {
            "id": read_id(value_of(contact.get("id_contato"), "id_contato"), "id_contato"),
            "customer_id": customer_id,
            "name": short_text(value_of(contact.get("nome"), "nome"), "nome") or "",
            "phone": phone_field(value_of(contact.get("telefone"), "telefone"), "telefone", required=True)
            or "",
            "sms_allowed": read_flag(
                flag_of(contact.get("permite_enviar_sms"), "permite_enviar_sms"),
                "permite_enviar_sms",
                default=False,
            ),
        }
        for contact in contacts
    ]


def read_invoice(item: Item, *, lenient: bool = False) -> InvoiceRow:
    """Read an invoice; raises BadField naming the field."""
    customer = item.get("cliente")
    customer_id = item.get("id_cliente")
    if customer_id is None and isinstance(customer, dict):
        customer_id = customer.get("id_cliente")
    row: dict[str, Any] = {
        "id": read_id(value_of(item.get("id_fatura"), "id_fatura"), "id_fatura"),
        "customer_id": read_id(value_of(customer_id, "id_cliente"), "id_cliente"),
        "amount": amount(value_of(item.get("valor"), "valor"), "valor"),
        "due_date": read_date(
            value_of(item.get("data_vencimento"), "data_vencimento"), "data_vencimento", required=True
        ),
    }
    row |= _read(item, INVOICE, lenient=lenient)
    status = _status(item, row, lenient=lenient)
    if status is not None:
        row["status"] = status
    details = _read(item, DETAILS, lenient=lenient)
    parts = list_of(item, "detalhamento", lenient=lenient)
    if parts is not None:
        details["items"] = [_read(part, ITEM, lenient=True) for part in parts]
    company = object_of(item, "empresa", lenient=lenient)
    if company is not ABSENT:
        details["company"] = company and _read(company, COMPANY, lenient=True)
    if details:
        row["details"] = details
    return cast("InvoiceRow", row)


def _status(item: Item, row: dict[str, Any], *, lenient: bool) -> str | None:
    """Give a state that is told; no payment tells none, for it may be cancelled: see `upsert_invoices`."""
    word = value_of(item.get("status"), "status") or value_of(item.get("situacao"), "situacao")
    if not word:
        status = _status_without_word(item, row, lenient=lenient)
        is_paid = not lenient and says_nothing(item.get("quitado")) and _is_paid_up(row)
        return "paid" if is_paid and status in (None, "open") else status  # who has paid is not reminded
    try:
        status = read_status(word, "status", paid_at=row.get("paid_at"))
    except BadField:
        # A source's own word takes nothing from what says beside it that nobody is to be reminded.
        beside = _status_without_word(item, row, lenient=True) if lenient else None
        if beside in ("paid", "cancelled"):
            return beside
        raise
    return _unless_open(item, row, lenient=lenient) if status == "open" else status


def _unless_open(item: Item, row: dict[str, Any], *, lenient: bool) -> str:
    """Give the state of one that is called open: paid, or inactive, nobody is to be reminded of it."""
    unreadable = [BadField] if lenient else []
    is_told_unpaid = False
    with suppress(*unreadable):
        if _flag(item, "quitado"):
            return "paid"
        is_told_unpaid = not says_nothing(item.get("quitado"))
    with suppress(*unreadable):
        if not _flag(item, "fatura_ativa", default=True):
            return "cancelled"
    is_paid_some_day = _is_paid_some_day(item, row)
    row.setdefault("paid_at", None)
    if is_paid_some_day:
        if not lenient:  # in part, or not booked yet
            raise BadField("status diz que a fatura está aberta, e data_pagamento que foi paga")
        if not is_told_unpaid:
            return "paid"
    if not lenient and _is_paid_up(row):
        raise BadField("status diz que a fatura está aberta, e valor_pago que foi paga")
    return "open"


def _status_without_word(item: Item, row: dict[str, Any], *, lenient: bool) -> str | None:
    if not says_nothing(item.get("quitado")) and not _flag(item, "quitado"):
        if not lenient and row.get("paid_at") is not None:
            raise BadField("quitado diz que a fatura não foi paga, e data_pagamento que foi")
        row["paid_at"] = None
    if _flag(item, "quitado") or _is_paid_some_day(item, row):
        return "paid"
    if not _flag(item, "fatura_ativa", default=True):
        return "cancelled"
    is_told = not says_nothing(item.get("fatura_ativa")) and "paid_at" in row  # active, and not paid
    return "open" if is_told else None


def _is_paid_some_day(item: Item, row: Mapping[str, Any]) -> bool:
    """Tell whether a day of payment is told: also one that a source writes in a way that we cannot read."""
    if "paid_at" in row:
        return row["paid_at"] is not None
    return _SOME_DAY.match(str(item.get("data_pagamento"))) is not None


def _is_paid_up(row: Mapping[str, Any]) -> bool:
    """Tell whether what was paid covers an invoice that is pushed; a source says itself what is paid."""
    paid = row.get("paid_amount")
    return paid is not None and paid >= row["amount"] > 0


def _flag(item: Item, name: str, *, default: bool = False) -> bool:
    return read_flag(flag_of(item.get(name), name), name, default=default)


def _service(item: Item, *, lenient: bool) -> dict[str, Any]:
    found = _read(item, SERVICE, lenient=lenient)
    devices = {
        key: _read(item[name], DEVICE, lenient=True)
        for name, key in DEVICES.items()
        if isinstance(item.get(name), dict)
    }
    if devices:
        found["devices"] = devices
    if not ADDRESSES.keys().isdisjoint(item):
        # Services are replaced whole: what is null is not there.
        found["addresses"] = {
            name: {key: value for key, value in address.items() if value is not None}
            for name, address in _addresses(item, lenient=lenient).items()
            if address is not None
        }
    return {key: value for key, value in found.items() if value is not None}


def _addresses(item: Item, *, lenient: bool) -> dict[str, Any]:
    found = {key: object_of(item, name, lenient=lenient) for name, key in ADDRESSES.items()}
    return {
        key: given and _address(given, lenient=lenient) for key, given in found.items() if given is not ABSENT
    }


def _address(item: Item, *, lenient: bool) -> dict[str, Any]:
    found = _read(item, ADDRESS, lenient=lenient)
    if "uf" in item or "estado" in item:
        found["uf"] = _uf(item, lenient=lenient)
    place = item.get("coordenadas")
    if isinstance(place, dict):
        found |= {
            name: degrees(value_of(place.get(name), name), name)
            for name in ("latitude", "longitude")
            if place.get(name) is not None
        }
    return found


def _uf(item: Item, *, lenient: bool) -> str | None:
    """Give the two letters, from whichever of `uf` and `estado` has them: the original mixes them up."""
    for name in ("uf", "estado"):
        if found := uf_of(str(item.get(name) or "")):
            return found
    if not lenient and value_of(item.get("uf"), "uf"):
        raise BadField("uf não é uma UF")
    return None


def _uf_of(row: Mapping[str, Any], item: Item, *, lenient: bool) -> str | None:
    if found := _uf(item, lenient=lenient):
        return found
    places = [
        row.get("addresses", {}),
        *(service.get("addresses", {}) for service in row.get("services", [])),
    ]
    for key in ("registered", "installation"):
        for addresses in places:
            if found := (addresses.get(key) or {}).get("uf"):
                return str(found)
    return None


def _read(item: Item, fields: Sequence[tuple[str, str, Reader]], *, lenient: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for names, key, read in fields:
        name = name_in(item, names)
        if name is None:
            continue
        try:
            given = _apart(item[name]) if lenient and read is phone_field else item[name]
            text = flag_of(given, name) if name in FLAGS else value_of(given, name, lenient=lenient)
            value = read(text, name)
        except BadField:
            if not lenient:
                raise
            if key in _CODES:  # the one that is stored may be of another amount
                found[key] = None
            continue
        if value is not ABSENT:
            found[key] = value
    return found


def _apart(given: object) -> object:
    """Keep phones apart that stand on lines of their own, before all is put on one."""
    return _LINE_BREAKS.sub("; ", given.strip()) if isinstance(given, str) else given
