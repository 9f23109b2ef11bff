"""Looking customers up by what callers know of them.

Shapes inside the JSON columns, every key optional:
`services`: [{id, plan_id, plan_number, name, price, status, status_code, activated_on, technology, login,
ipv4, ipv6, mac, devices: {interface, routing_interface, access, routing}, packages, addresses}];
`addresses`: {registered, installation, fiscal, billing}, each {full, street, number, complement, reference,
district, zip, uf, city, latitude, longitude}.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import asyncpg

from disparo.db.pool import Connection
from disparo.db.register_counts import count_days, day_of
from disparo.db.where import Where

CUSTOMER_COLUMNS = """c.id, c.shown_code AS code, c.name, c.trade_name, c.cpf_cnpj, c.phone_1,
    c.phone_2, c.phone_3, c.email_1, c.email_2, c.birth_date, c.registered_at, c.active, c.services,
    c.addresses"""
#: A name is first looked for among so many customers in the order wanted, then through the index. Where the
#: order's own index has all that is compared this costs next to nothing; else each is a row to be read.
_NEAR, _NEAR_PER_RESULT = 10_000, 400
_NEAR_ROWS = 3000
#: A few rare trigrams of each word find nearly what all would; the folded name is compared anyway.
TRIGRAMS = 3
_MOST_CUSTOMERS = 500
#: No three letters, no trigram: shorter words match at the beginning of a name alone.
SHORTEST_PART = 3
_LAST_CHARACTER = 0x10FFFF


class By(StrEnum):
    """What a customer is looked for by."""

    NAME = "name"
    TRADE_NAME = "trade_name"
    CPF_CNPJ = "cpf_cnpj"
    CODE = "code"
    PHONE = "phone"
    ID = "id"
    SERVICE_ID = "service_id"
    EMAIL = "email"
    LOGIN = "login"
    IPV4 = "ipv4"
    MAC = "mac"
    UUID = "uuid"
    EXTERNAL_ID = "external_id"


class Order(StrEnum):
    """What customers are sorted by; the id decides between equals."""

    REGISTERED = "registered_at"
    CODE = "code"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Sorting:
    """An order and its direction."""

    by: Order = Order.REGISTERED
    descending: bool = False


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """Which customers; None and () leave all in. `with_status`: any service in one of these."""

    active: bool | None = None
    with_status: Sequence[str] = ()
    registered_from: date | None = None
    registered_to: date | None = None


_SORTED = {
    Order.REGISTERED: "c.registered_at {d}, c.id {d}",
    Order.CODE: "c.shown_code {d}, c.id {d}",
    Order.NAME: 'c.name_folded COLLATE "C" {d}, c.id {d}',
}


def _order(sorting: Sorting) -> str:
    return _SORTED[sorting.by].format(d="DESC" if sorting.descending else "ASC")


_KEYS = {
    By.CPF_CNPJ: "c.cpf_cnpj = {}",
    By.CODE: "c.shown_code = {}",
    By.ID: "c.id = {}",
    By.PHONE: "c.search @> ARRAY[{}::integer]",
    By.EMAIL: "(lower(c.email_1) = lower({0}) OR lower(c.email_2) = lower({0}))",
    By.UUID: "c.uuid = {}",
    By.EXTERNAL_ID: "c.external_id = {}",
    By.SERVICE_ID: "c.services @> {}::jsonb",
    By.LOGIN: "c.services @> {}::jsonb",
    By.IPV4: "c.services @> {}::jsonb",
    By.MAC: "c.services @> {}::jsonb",
}
_SERVICE_KEYS = {By.SERVICE_ID: "id", By.LOGIN: "login", By.IPV4: "ipv4", By.MAC: "mac"}


async def find_customers(
    connection: Connection,
    by: By,
    term: str | int,
    *,
    wanted: CustomerFilter,
    sorting: Sorting,
    limit: int,
    words_apart: bool = False,
) -> list[asyncpg.Record]:
    """Find customers by one thing known of them.

    Names match anywhere, without accents and case; one or two letters match at the beginning alone; with
    `words_apart` each word anywhere. For PHONE `term` is the number's last eight digits, and the caller
    compares the rest.
    """
    if isinstance(term, str):  # as texts are stored: Apple's programs write an accent as a sign of its own
        term = unicodedata.normalize("NFC", term)
    if by in (By.NAME, By.TRADE_NAME):
        words = str(term).split() if words_apart else []
        if not any(len(word) >= SHORTEST_PART for word in words):
            words = [str(term)]
        return await _find_by_name(connection, by, words, wanted=wanted, sorting=sorting, limit=limit)
    where = _filtered(wanted)
    value: object = term
    if by in _SERVICE_KEYS:
        value = json.dumps([{_SERVICE_KEYS[by]: term}])
    elif by is By.PHONE:
        value = -1 - int(term)
    where.add(_KEYS[by], value)
    # Materialised: few match a key, and no plan may walk all customers in order to find them.
    return await connection.fetch(
        f"WITH found AS MATERIALIZED "  # noqa: S608 - names of our own, values are bound
        f"(SELECT c.id FROM customers c WHERE {where} LIMIT {_MOST_CUSTOMERS}) "
        f"SELECT {CUSTOMER_COLUMNS} FROM found JOIN customers c ON c.id = found.id "
        f"ORDER BY {_order(sorting)} LIMIT {limit}",
        *where.arguments,
    )


async def find_customer_ids(connection: Connection, by: By, term: str | int) -> list[int]:
    """Find the ids of customers by a key."""
    rows = await find_customers(
        connection, by, term, wanted=CustomerFilter(), sorting=Sorting(), limit=_MOST_CUSTOMERS
    )
    return [row["id"] for row in rows]


async def _find_by_name(
    connection: Connection,
    by: By,
    words: Sequence[str],
    *,
    wanted: CustomerFilter,
    sorting: Sorting,
    limit: int,
) -> list[asyncpg.Record]:
    where = _filtered(wanted)
    folded = f"c.{by}_folded"
    long_words = [word for word in words if len(word) >= SHORTEST_PART]
    # What is made of the term is made once, in a sub-select: the plans are generic ones.
    for word in words if long_words else ():
        where.add(f"{folded} LIKE (SELECT search_fold({{}}))", contains(word))
    if not long_words:
        where.add(f'{folded} COLLATE "C" >= (SELECT search_fold({{}}))', words[0])
        where.add(f'{folded} COLLATE "C" < (SELECT search_fold({{}}) || chr({_LAST_CHARACTER}))', words[0])
    # A common name is found at once among the first ones in order; a rare one costs only that look.
    in_index = by is By.NAME and not wanted.with_status
    near = _NEAR + _NEAR_PER_RESULT * limit if in_index else _NEAR_ROWS
    compared = ", ".join({"c.id", "c.active", folded, *(("c.services",) if wanted.with_status else ())})
    order = _order(sorting)
    found = await connection.fetch(
        f"WITH near AS MATERIALIZED "  # noqa: S608 - names of our own, values are bound
        f"(SELECT {compared} FROM customers c ORDER BY {order} LIMIT {near}), "
        f"found AS MATERIALIZED (SELECT c.id FROM near c WHERE {where} LIMIT {limit}) "
        f"SELECT {CUSTOMER_COLUMNS} FROM found JOIN customers c ON c.id = found.id ORDER BY {order}",
        *where.arguments,
    )
    if len(found) == limit:
        return found
    for word in long_words:
        where.add(f"c.search @> (SELECT search_rarest(search_fold({{}}), {TRIGRAMS}))", word)
    return await connection.fetch(
        f"WITH found AS MATERIALIZED (SELECT c.id FROM customers c WHERE {where}) "  # noqa: S608 - names of our own, values are bound
        f"SELECT {CUSTOMER_COLUMNS} FROM found JOIN customers c ON c.id = found.id "
        f"ORDER BY {order} LIMIT {limit}",
        *where.arguments,
    )


def contains(word: str) -> str:
    """Give a pattern of LIKE that a word matches anywhere, whatever signs it has."""
    literal = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"


def _filtered(wanted: CustomerFilter) -> Where:
    where = Where()
    if wanted.active is not None:
        where.add("c.active" if wanted.active else "NOT c.active")
    if wanted.with_status:
        where.add(
            "c.services @> ANY({}::jsonb[])",
            [json.dumps([{"status_code": code}]) for code in wanted.with_status],
        )
    if wanted.registered_from is not None:
        where.add("c.registered_at >= {}::date", wanted.registered_from)
    if wanted.registered_to is not None:
        where.add("c.registered_at < {}::date + 1", wanted.registered_to)
    return where


async def page_customers(
    connection: Connection, *, wanted: CustomerFilter, sorting: Sorting, page: int, per_page: int
) -> tuple[list[asyncpg.Record], int]:
    """Give one page of customers and how many there are; in a transaction of one snapshot."""
    if wanted.with_status:
        where = _filtered(wanted)
        total = await connection.fetchval(
            f"SELECT count(*) FROM customers c WHERE {where}",  # noqa: S608 - names of our own, values are bound
            *where.arguments,
        )
        return await _customers_at(connection, wanted, sorting, page * per_page, per_page), total
    states = {None: ["active", "inactive"], True: ["active"], False: ["inactive"]}[wanted.active]
    days = await count_days(
        connection, "customer", states, first=wanted.registered_from, last=wanted.registered_to
    )
    total = sum(count for _, count in days)
    offset = page * per_page
    if sorting.by is Order.REGISTERED and offset < total:
        day, offset = day_of(days, offset, descending=sorting.descending)
        wanted = CustomerFilter(
            wanted.active,
            registered_from=wanted.registered_from if sorting.descending else day,
            registered_to=day if sorting.descending else wanted.registered_to,
        )
    elif offset >= total:
        return [], total
    return await _customers_at(connection, wanted, sorting, offset, per_page), total


async def _customers_at(
    connection: Connection, wanted: CustomerFilter, sorting: Sorting, offset: int, limit: int
) -> list[asyncpg.Record]:
    where = _filtered(wanted)
    return await connection.fetch(
        f"WITH page AS MATERIALIZED (SELECT c.id FROM customers c WHERE {where} "  # noqa: S608 - names of our own, values are bound
        f"ORDER BY {_order(sorting)} LIMIT {limit} OFFSET {offset}) "
        f"SELECT {CUSTOMER_COLUMNS} FROM page JOIN customers c ON c.id = page.id ORDER BY {_order(sorting)}",
        *where.arguments,
    )
