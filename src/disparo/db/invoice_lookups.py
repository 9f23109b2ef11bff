"""Looking invoices up, by customer or by day.

`details`: {service_id, our_number, our_number_digit, beneficiary_code, document_number, kind, accept, wallet,
payment_place, charge_type, document_date, processed_on, items: [{id, description, amount}],
company: {document, name, trade_name}}.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import asyncpg

from disparo.db.pool import Connection
from disparo.db.register import CUSTOMER_COLUMNS
from disparo.db.register_counts import count_days, day_of
from disparo.db.where import Where

_INVOICE = f"""i.id AS invoice_id, i.amount, i.due_date, i.status, i.paid_at, i.link, i.linha_digitavel,
    i.pix, i.registered_on, i.paid_amount, i.details, {CUSTOMER_COLUMNS}"""

#: As the index `invoices_company` has it.
_COMPANY = "(i.details -> 'company' ->> 'document')"

#: Those that are not are few, and have an index of their own: each invoice's customer read for it takes
#: longer than all else.
_OF_INACTIVE = "EXISTS (SELECT FROM customers c WHERE c.id = i.customer_id AND NOT c.active)"


class Day(StrEnum):
    """Which of an invoice's days is meant; the values name kinds of `register_counts`."""

    DUE = "due"
    PAID = "paid"
    REGISTERED = "registered"


class InvoiceOrder(StrEnum):
    """What invoices of a customer are sorted by."""

    DUE = "due_date"
    PAID = "paid_at"
    REGISTERED = "registered_on"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices; `states`: of open, paid, cancelled. `zero`: amount nothing, or something. `id`: it.

    `service_id`: not those that name another service. `company`: the CNPJ of the one that issued them;
    `unnamed`: and those that name none.
    """

    day: Day = Day.DUE
    first: date | None = None
    last: date | None = None
    states: Sequence[str] = ()
    zero: bool | None = None
    id: int | None = None
    service_id: str | None = None
    company: str | None = None
    unnamed: bool = False


async def invoices_of(
    connection: Connection,
    customer_ids: Sequence[int],
    *,
    wanted: InvoiceFilter,
    order: InvoiceOrder,
    descending: bool,
    limit: int,
) -> list[asyncpg.Record]:
    """Give invoices of some customers with the customers' own data."""
    where = Where()
    where.add("i.customer_id = ANY({}::bigint[])", list(customer_ids))
    _narrow(where, wanted)
    direction = "DESC" if descending else "ASC"
    return await connection.fetch(
        f"SELECT {_INVOICE} FROM invoices i "  # noqa: S608 - names of our own, values are bound
        f"JOIN customers c ON c.id = i.customer_id WHERE {where} "
        f"ORDER BY i.{order} {direction} NULLS LAST, i.id {direction} LIMIT {limit}",
        *where.arguments,
    )


async def of_company(
    connection: Connection, wanted: InvoiceFilter, document: str, *, own: str | None
) -> InvoiceFilter | None:
    """Narrow to what a company issued; None where it issued nothing. `own`: of those that name none."""
    row = await connection.fetchrow(
        f"""SELECT EXISTS (SELECT FROM invoices i WHERE {_COMPANY} IS NOT NULL) AS any_is_named,
                   EXISTS (SELECT FROM invoices i WHERE {_COMPANY} = $1) AS is_named""",  # noqa: S608 - constants
        document,
    )
    assert row is not None  # noqa: S101 - for the type checker: there is always one
    if document == own:
        return replace(wanted, company=document, unnamed=True) if row["any_is_named"] else wanted
    return replace(wanted, company=document) if row["is_named"] else None


async def page_invoices(
    connection: Connection,
    *,
    wanted: InvoiceFilter,
    customer_ids: Sequence[int] | None,
    active: bool | None,
    page: int,
    per_page: int,
) -> tuple[list[asyncpg.Record], int]:
    """Give one page of invoices by day and how many there are; in a transaction of one snapshot.

    `customer_ids`: only of these; `active`: only of customers that are, or are not.
    """
    offset = page * per_page
    if customer_ids is not None or active is not None or wanted.id is not None or wanted.company is not None:
        where = _of_customers(wanted, customer_ids, active=active)
        total = await connection.fetchval(
            f"SELECT count(*) FROM invoices i WHERE {where}",  # noqa: S608 - names of our own, values are bound
            *where.arguments,
        )
        return await _invoices_at(connection, wanted, where, offset, per_page), total
    days = await count_days(connection, wanted.day, _states(wanted), first=wanted.first, last=wanted.last)
    total = sum(count for _, count in days)
    if offset >= total:
        return [], total
    day, offset = day_of(days, offset, descending=False)
    rest = InvoiceFilter(wanted.day, day, wanted.last, wanted.states, wanted.zero)
    where = Where()
    _narrow(where, rest)
    return await _invoices_at(connection, rest, where, offset, per_page), total


def _of_customers(wanted: InvoiceFilter, customer_ids: Sequence[int] | None, *, active: bool | None) -> Where:
    where = Where()
    if customer_ids is not None:
        where.add("i.customer_id = ANY({}::bigint[])", list(customer_ids))
    if active is not None:
        where.add(f"{'NOT ' if active else ''}{_OF_INACTIVE}")
    _narrow(where, wanted)
    return where


async def _invoices_at(
    connection: Connection, wanted: InvoiceFilter, where: Where, offset: int, limit: int
) -> list[asyncpg.Record]:
    day = _DAY_COLUMNS[wanted.day]
    return await connection.fetch(
        f"WITH page AS MATERIALIZED (SELECT i.id FROM invoices i WHERE {where} "  # noqa: S608 - names of our own, values are bound
        f"ORDER BY {day}, i.id LIMIT {limit} OFFSET {offset}) "
        f"SELECT {_INVOICE} FROM page JOIN invoices i ON i.id = page.id "
        f"JOIN customers c ON c.id = i.customer_id ORDER BY {day}, i.id",
        *where.arguments,
    )


_DAY_COLUMNS = {Day.DUE: "i.due_date", Day.PAID: "i.paid_at", Day.REGISTERED: "i.registered_on"}


def _narrow(where: Where, wanted: InvoiceFilter) -> None:
    day = _DAY_COLUMNS[wanted.day]
    if wanted.first is not None:
        where.add(f"{day} >= {{}}", wanted.first)
    if wanted.last is not None:
        where.add(f"{day} <= {{}}", wanted.last)
    if wanted.states:
        where.add("i.status = ANY({}::text[])", list(wanted.states))
    if wanted.zero is not None:
        where.add("i.amount = 0" if wanted.zero else "i.amount <> 0")
    if wanted.id is not None:
        where.add("i.id = {}", wanted.id)
    if wanted.company is not None:
        named = f"coalesce({_COMPANY}, {{0}}::text)" if wanted.unnamed else _COMPANY
        where.add(f"{named} = {{0}}::text", wanted.company)
    if wanted.service_id is not None:
        where.add("coalesce(i.details->>'service_id', {0}::text) = {0}::text", wanted.service_id)


def _states(wanted: InvoiceFilter) -> list[str]:
    found = wanted.states or ("open", "paid", "cancelled")
    suffixes = {None: ("", "_zero"), True: ("_zero",), False: ("",)}[wanted.zero]
    return [f"{state}{suffix}" for state in found for suffix in suffixes]
