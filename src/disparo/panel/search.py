"""Buscar: one box for a phone, an invoice, a customer, a name, a CPF or CNPJ, in any format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import customer_search, message_pages, opt_outs, register
from disparo.db.pool import Connection
from disparo.domain.cnpj import is_valid_cnpj
from disparo.domain.phone import PHONE_TAIL, Phone, read_registered
from disparo.panel import fields
from disparo.panel.access import Person
from disparo.panel.cursors import moment_and_text, read_moment_and_id
from disparo.panel.pages import render
from disparo.panel.services import services_of

_EACH = 20
_CUSTOMERS = 10
_MOST_SAME_TAIL = 200
_SHORTEST_NAME = 3
_DOCUMENT_LENGTHS = (11, 14)
_NUMBER_OF = r"[\s:.]*(?:(?:n[º°o]|#)[\s:.]*)*(?=[0-9])"
#: What people write before a number, by what it is the number of; "": they do not say.
_CALLED = {
    "fatura": re.compile(rf"(?:fatura|boleto|t[íi]tulo){_NUMBER_OF}", re.IGNORECASE),
    "cliente": re.compile(
        rf"(?:(?:c[óo]d(?:igo)?\.?\s*(?:do\s+)?)?cliente|c[óo]d(?:igo)?|cpf(?:\s*/\s*cnpj)?|cnpj){_NUMBER_OF}"
        r"|cnpj[\s:.]+",
        re.IGNORECASE,
    ),
    "": re.compile(_NUMBER_OF, re.IGNORECASE),
}
#: A phone as neighbours say it: 99993-1412, with its ninth digit or without.
_WITHOUT_DDD = re.compile(r"\s*9?[\s.]?([0-9]{4})[\s.\-\u2010-\u2015]*([0-9]{4})\s*")
#: Two numbers beside each other: maybe two that were meant, maybe one with blanks.
_SEVERAL = re.compile(r"[0-9]{4}[\s,;/]+[0-9]{4}")
_PHONES = 3
_KINDS = {"telefone": "", "fatura": "", "cliente": ""}

Cursor = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Group:
    """What one reading of the typed text found; `more` leads to older messages, `numbers` are in E.164."""

    kind: str
    title: str
    rows: Sequence[asyncpg.Record]
    more: str | None
    invoices: Sequence[asyncpg.Record]
    numbers: frozenset[str]


async def show(request: Request, person: Person) -> Response:
    """Show the box, and what was found for what stands in it."""
    del person
    query = request.query_params
    typed = fields.text(query, "q")
    kind, before = fields.choice(query, "tipo", _KINDS), read_moment_and_id(fields.text(query, "depois"))
    groups: list[Group] = []
    opted_out: list[asyncpg.Record] = []
    codes: dict[int, str] = {}
    phones = _phones(typed)
    asked = {phone.e164 for phone in phones[:_PHONES]}
    if typed:
        async with services_of(request).pool.acquire() as connection:
            groups = await _find(connection, typed, kind, before)
            numbers = {number for group in groups[:_CUSTOMERS] for number in group.numbers}
            codes = await message_pages.codes(connection, [row for group in groups for row in group.rows])
            opted_out = await opt_outs.since(connection, numbers | asked)
    too_many = max(0, sum(group.kind == "cliente" for group in groups) - _CUSTOMERS)
    return render(
        request,
        "buscar.html",
        typed=typed,
        codes=codes,
        groups=groups[: len(groups) - too_many],
        only=_CUSTOMERS if too_many else None,
        older=before is not None,
        only_phones=_PHONES if len(phones) > _PHONES else None,
        is_several=_SEVERAL.search(typed) is not None,
        opted_out=opted_out,
        asked=next(iter(asked)) if len(asked) == 1 else None,
    )


async def _find(connection: Connection, typed: str, kind: str, before: Cursor | None) -> list[Group]:
    readers = {"telefone": _by_phone, "fatura": _by_invoice, "cliente": _by_customer}
    found: list[Group] = []
    said, bare = _said(typed)
    for name, reader in readers.items():
        if kind in ("", name) and not (said and name == "telefone"):
            found += await reader(connection, typed, bare if said in ("", name) else typed, before)
    return list({(group.kind, group.title): group for group in reversed(found)}.values())[::-1]


def _said(typed: str) -> tuple[str, str]:
    """Give what it is that a number is typed of, "" where that is not said, and what stands after it.

    A customer's number is another one's invoice: `cliente 3108` is never the invoice 3108.
    """
    for kind, called in _CALLED.items():
        if begun := called.match(typed):
            return kind, typed[begun.end() :].rstrip(" ,;:.")
    return "", typed


def _phones(typed: str) -> list[Phone]:
    """Read what was typed as registers hold phones: `0xx37 ...`, `tel: ...`, several of them."""
    return list({phone.e164: phone for phone in read_registered(typed)[0]}.values())


async def _by_phone(connection: Connection, typed: str, bare: str, before: Cursor | None) -> list[Group]:
    if (without_ddd := _WITHOUT_DDD.fullmatch(bare)) and before is None:
        tail = "".join(without_ddd.groups())
        return await _of_owners(connection, typed, tail, lambda phone: phone.national[-PHONE_TAIL:] == tail)
    found: list[Group] = []
    for phone in _phones(bare)[:_PHONES]:
        found += await _of_phone(connection, typed, phone, before)
    return found


async def _of_phone(connection: Connection, typed: str, phone: Phone, before: Cursor | None) -> list[Group]:
    rows = await message_pages.of_phone(connection, phone.e164, before=before, limit=_EACH)
    # Where several were typed, what leads on names the one.
    found = [_group("telefone", f"Telefone {phone.national}", phone.national, rows)] if rows else []
    if before is not None:
        return found
    # Who got nothing is in the register alone, be it that the number was another's before.
    owners = await _of_owners(
        connection, typed, phone.national[-PHONE_TAIL:], lambda held: held.e164 == phone.e164
    )
    shown = {row["id"] for row in rows}
    return found + [group for group in owners if shown.isdisjoint(row["id"] for row in group.rows)]


async def _of_owners(
    connection: Connection, typed: str, tail: str, is_meant: Callable[[Phone], bool]
) -> list[Group]:
    """Give the customers who have, or whose contact has, a phone of this end that is meant."""
    owners = await register.find_customers(
        connection,
        register.By.PHONE,
        int(tail),
        wanted=register.CustomerFilter(),
        sorting=register.Sorting(),
        limit=_MOST_SAME_TAIL,
    )
    ids = [row["id"] for row in owners if any(_holds(row[f"phone_{n}"], is_meant) for n in (1, 2, 3))]
    contacts = await customer_search.contacts_by_tail(connection, int(tail), limit=_MOST_SAME_TAIL)
    ids += [row["customer_id"] for row in contacts if _holds(row["phone"], is_meant)]
    return [
        await _of_customer(connection, typed, row, None)
        for row in await customer_search.by_ids(connection, list(dict.fromkeys(ids))[: _CUSTOMERS + 1])
    ]


def _holds(field: str | None, is_meant: Callable[[Phone], bool]) -> bool:
    return any(is_meant(phone) for phone in read_registered(field)[0])


async def _by_invoice(connection: Connection, typed: str, bare: str, before: Cursor | None) -> list[Group]:
    invoice_id = _number(bare)
    if invoice_id is None:
        return []
    rows = await message_pages.of_invoices(connection, [invoice_id], before=before, limit=_EACH)
    if rows:
        return [_group("fatura", f"Fatura {invoice_id}", typed, rows)]
    invoice = await customer_search.invoice(connection, invoice_id) if before is None else None
    if invoice is None:
        return []
    return [_group("fatura", f"Fatura {invoice_id} · {invoice['name']}", typed, (), [invoice])]


async def _by_customer(connection: Connection, typed: str, bare: str, before: Cursor | None) -> list[Group]:
    readings = dict.fromkeys([*_readings(bare), *_readings(typed)])
    exact, contacts = await _of_whole_names(connection, [str(term) for by, term in readings if by == "name"])
    found = dict.fromkeys(exact)
    for by, term in readings:
        rows = await register.find_customers(
            connection,
            by,
            term,
            wanted=register.CustomerFilter(),
            sorting=register.Sorting(),
            limit=_CUSTOMERS + 1,
            words_apart=True,
        )
        found |= dict.fromkeys(row["id"] for row in rows)
        for row in rows:
            contacts.pop(row["id"], None)
        if len(found) > _CUSTOMERS:
            break
    found |= dict.fromkeys(contacts)
    customers = await customer_search.by_ids(connection, list(found)[: _CUSTOMERS + 1])
    groups = [
        await _of_customer(connection, typed, row, before, contact=contacts.get(row["id"]))
        for row in sorted(customers, key=lambda row: row["id"] not in exact)
    ]
    return [group for group in groups if group.rows or before is None]


async def _of_whole_names(
    connection: Connection, names: Sequence[str]
) -> tuple[Collection[int], dict[int, str]]:
    """Give the customers who, or whose contact, is called exactly so, and whose contact is called nearly so.

    Else one name would stand behind all that are longer.
    """
    exact: dict[int, None] = {}
    contacts: dict[int, str] = {}
    for name in (" ".join(unicodedata.normalize("NFC", given).split()) for given in names):
        own = await customer_search.called(connection, name, limit=_CUSTOMERS + 1)
        whole = await customer_search.contacts_called(connection, name, limit=_CUSTOMERS + 1)
        nearly = await customer_search.contacts_by_name(connection, name, limit=_CUSTOMERS + 1)
        contacts = {row["customer_id"]: row["name"] for row in reversed([*whole, *nearly])} | contacts
        exact |= dict.fromkeys([*own, *(row["customer_id"] for row in whole)])
        for customer_id in own:
            contacts.pop(customer_id, None)
    return exact, contacts


def _readings(typed: str) -> list[tuple[register.By, str | int]]:
    """Give what the typed text may say of a customer: id, code, document, or any words of a name."""
    digits = "".join(filter(str.isdecimal, typed))
    if any(char.isalpha() for char in typed):
        bare = "".join(filter(str.isalnum, typed)).upper()
        if is_valid_cnpj(bare):
            return [(register.By.CPF_CNPJ, bare)]
        return [(register.By.NAME, typed)] if len(typed) >= _SHORTEST_NAME else []
    found: list[tuple[register.By, str | int]] = []
    if len(digits) in _DOCUMENT_LENGTHS:
        found.append((register.By.CPF_CNPJ, digits))
    number = _number(typed)
    if number is not None:
        found += [(register.By.ID, number), (register.By.CODE, number)]
    return found


async def _of_customer(
    connection: Connection,
    typed: str,
    customer: asyncpg.Record,
    before: Cursor | None,
    *,
    contact: str | None = None,
) -> Group:
    """Give a customer, found by their own name or by their `contact`'s."""
    invoices = await customer_search.invoices_of(connection, [customer["id"]])
    rows = await message_pages.of_invoices(
        connection, [row["id"] for row in invoices], before=before, limit=_EACH
    )
    title = f"Cliente {customer['shown_code']} · {customer['name']}"
    if contact is not None:
        title += f" (contato: {contact})"
    registered = (read_registered(customer[f"phone_{n}"])[0] for n in (1, 2, 3))
    numbers = {phone.e164 for phones in registered for phone in phones}
    return _group("cliente", title, typed, rows, invoices, numbers=numbers)


def _group(
    kind: str,
    title: str,
    typed: str,
    rows: Sequence[asyncpg.Record],
    invoices: Sequence[asyncpg.Record] = (),
    *,
    numbers: Collection[str] = (),
) -> Group:
    more = None
    if len(rows) > _EACH:
        rows = rows[:_EACH]
        more = "/painel/buscar?" + urlencode(
            {"q": typed, "tipo": kind, "depois": moment_and_text(rows[-1]["created_at"], str(rows[-1]["id"]))}
        )
    return Group(kind, title, rows, more, invoices, frozenset(numbers) | {row["e164"] for row in rows})


def _number(typed: str) -> int | None:
    """Give what was typed as an id: `#70.215` is 70215."""
    return fields.id_of("".join(char for char in typed if char not in "#. "))
