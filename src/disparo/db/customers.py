"""The register as it comes in: customers, contacts and invoices, upserted by id in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date
from decimal import Decimal

from disparo.db.pool import Connection


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One customer; phones as they are registered."""

    id: int
    name: str
    uf: str | None = None
    phone_1: str | None = None
    phone_1_allowed: bool = True
    phone_2: str | None = None
    phone_2_allowed: bool = True
    phone_3: str | None = None
    phone_3_allowed: bool = True


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One contact of a customer."""

    id: int
    customer_id: int
    name: str
    phone: str
    sms_allowed: bool


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice; `status`: open, paid or cancelled."""

    id: int
    customer_id: int
    amount: Decimal
    due_date: date
    status: str = "open"
    paid_at: date | None = None
    link: str | None = None
    linha_digitavel: str | None = None
    pix: str | None = None


async def upsert_customers(connection: Connection, rows: Sequence[CustomerRow]) -> None:
    """Store customers, each id at most once."""
    await connection.execute(
        """INSERT INTO customers (id, name, uf, phone_1, phone_1_allowed, phone_2, phone_2_allowed, phone_3,
                                  phone_3_allowed)
           SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::text[],
                                $7::bool[], $8::text[], $9::bool[])
           ON CONFLICT (id) DO UPDATE
           SET name = excluded.name, uf = excluded.uf, phone_1 = excluded.phone_1,
               phone_1_allowed = excluded.phone_1_allowed, phone_2 = excluded.phone_2,
               phone_2_allowed = excluded.phone_2_allowed, phone_3 = excluded.phone_3,
               phone_3_allowed = excluded.phone_3_allowed, updated_at = now()""",
        *_columns(rows),
    )


async def upsert_contacts(connection: Connection, rows: Sequence[ContactRow]) -> set[int]:
    """Store contacts of customers there are; gives the ids of those whose customer is missing."""
    missing = await _without_customer(connection, rows)
    await connection.execute(
        """INSERT INTO contacts (id, customer_id, name, phone, sms_allowed)
           SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bool[])
           ON CONFLICT (id) DO UPDATE
           SET customer_id = excluded.customer_id, name = excluded.name, phone = excluded.phone,
               sms_allowed = excluded.sms_allowed, updated_at = now()""",
        *_columns([row for row in rows if row.id not in missing] or [], width=5),
    )
    return missing


async def upsert_invoices(connection: Connection, rows: Sequence[InvoiceRow]) -> set[int]:
    """Store invoices of customers there are; gives the ids of those whose customer is missing."""
    missing = await _without_customer(connection, rows)
    await connection.execute(
        """INSERT INTO invoices (id, customer_id, amount, due_date, status, paid_at, link,
                                 linha_digitavel, pix)
           SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::numeric[], $4::date[], $5::text[], $6::date[],
                                $7::text[], $8::text[], $9::text[])
           ON CONFLICT (id) DO UPDATE
           SET customer_id = excluded.customer_id, amount = excluded.amount, due_date = excluded.due_date,
               status = excluded.status, paid_at = excluded.paid_at, link = excluded.link,
               linha_digitavel = excluded.linha_digitavel, pix = excluded.pix, updated_at = now()""",
        *_columns([row for row in rows if row.id not in missing], width=9),
    )
    return missing


async def _without_customer(
    connection: Connection, rows: Sequence[ContactRow] | Sequence[InvoiceRow]
) -> set[int]:
    found = await connection.fetch(
        "SELECT id FROM customers WHERE id = ANY($1::bigint[])", sorted({row.customer_id for row in rows})
    )
    there = {row["id"] for row in found}
    return {row.id for row in rows if row.customer_id not in there}


def _columns(
    rows: Sequence[CustomerRow] | Sequence[ContactRow] | Sequence[InvoiceRow], *, width: int = 9
) -> list[list[object]]:
    if not rows:
        return [[] for _ in range(width)]
    return [list(column) for column in zip(*map(astuple, rows), strict=True)]
