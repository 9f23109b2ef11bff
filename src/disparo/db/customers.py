"""The register as it comes in: customers, contacts and invoices, upserted by id in batches.

A row holds what its source said and nothing else: what it does not name is left as it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Required, TypedDict
from zoneinfo import ZoneInfo

from disparo.db.pool import Connection
from disparo.db.register_upsert import PHONES, moved_permissions, upsert, wait_for_turn


class CustomerRow(TypedDict, total=False):
    """One customer; phones as they are registered, JSON columns as register.py says."""

    id: Required[int]
    name: Required[str]
    uf: str | None
    phone_1: str | None
    phone_1_allowed: bool
    phone_2: str | None
    phone_2_allowed: bool
    phone_3: str | None
    phone_3_allowed: bool
    code: int | None
    trade_name: str | None
    cpf_cnpj: str | None
    email_1: str | None
    email_2: str | None
    birth_date: date | None
    active: bool
    registered_at: datetime
    uuid: str | None
    external_id: str | None
    services: list[dict[str, Any]]
    addresses: dict[str, Any]
    source: str | None


class ContactRow(TypedDict, total=False):
    """One contact of a customer."""

    id: Required[int]
    customer_id: Required[int]
    name: str
    phone: Required[str]
    sms_allowed: bool


class InvoiceRow(TypedDict, total=False):
    """One invoice; `status`: open, paid or cancelled. `details` in the shape of register.py."""

    id: Required[int]
    customer_id: Required[int]
    amount: Required[Decimal]
    due_date: Required[date]
    status: str
    paid_at: date | None
    link: str | None
    linha_digitavel: str | None
    pix: str | None
    registered_on: date
    paid_amount: Decimal | None
    details: dict[str, Any]
    source: str | None
    checked_at: datetime


#: The three phones of the register, and whether a customer is active; None: not told.
Told = tuple[str | None, str | None, str | None, bool | None]


async def fill_in_days_of(connection: Connection, zone: ZoneInfo) -> None:
    """Have this transaction take an unnamed day of registration from the clock on the wall there."""
    await connection.execute("SELECT set_config('timezone', $1, true)", zone.key)


async def wait_for_writers(connection: Connection) -> None:
    """Have nobody else write to the register until this transaction ends.

    In the order in which whoever writes to several of its tables takes them: two would wait for each other.
    """
    for table in ("customers", "contacts", "invoices"):
        await wait_for_turn(connection, table)


async def upsert_customers(connection: Connection, rows: Sequence[CustomerRow]) -> set[int]:
    """Store customers, each id at most once, in the caller's transaction.

    Gives the ids of those that were erased at their request, which are not stored (erasure.py).
    """
    return await upsert(connection, "customers", rows)


async def update_told(connection: Connection, source: str, told: Mapping[int, Told]) -> None:
    """Take over what is told beside invoices of this source's customers, by id; what is not told stays."""
    if not told:
        return
    await wait_for_turn(connection, "customers")
    permissions = moved_permissions({name: f"coalesce(told.{name}, c.{name})" for name in PHONES}, "c")
    await connection.execute(
        f"""UPDATE customers c
           SET phone_1 = coalesce(told.phone_1, c.phone_1), phone_2 = coalesce(told.phone_2, c.phone_2),
               phone_3 = coalesce(told.phone_3, c.phone_3), {permissions},
               active = coalesce(told.active, c.active), updated_at = now()
           FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::boolean[])
                AS told (id, phone_1, phone_2, phone_3, active)
           WHERE c.id = told.id AND c.source = $1
             AND (told.phone_1 <> coalesce(c.phone_1, '') OR told.phone_2 <> coalesce(c.phone_2, '')
                  OR told.phone_3 <> coalesce(c.phone_3, '')
                  OR told.active <> c.active)""",  # noqa: S608 - names of our own columns
        source,
        list(told),
        *([each[n] for each in told.values()] for n in range(4)),
    )


async def upsert_contacts(connection: Connection, rows: Sequence[ContactRow]) -> set[int]:
    """Store contacts of customers there are; gives the ids of those whose customer is missing."""
    return await upsert(connection, "contacts", rows)


async def upsert_invoices(connection: Connection, rows: Sequence[InvoiceRow]) -> set[int]:
    """Store invoices of customers there are; gives the ids of those whose customer is missing.

    One that comes with no day of payment and no status is not paid; cancelled it stays.
    """
    return await upsert(connection, "invoices", rows)


async def replace_contacts(
    connection: Connection, customer_ids: Sequence[int], rows: Sequence[ContactRow]
) -> dict[int, int]:
    """Make these the only contacts of these customers.

    Gives whose a contact was that is taken from a customer who is none of them, by its id.
    """
    await wait_for_turn(connection, "contacts")
    taken = await connection.fetch(
        """SELECT c.id, c.customer_id FROM contacts c
           JOIN unnest($2::bigint[]) AS given (id) ON given.id = c.id
           WHERE c.customer_id <> ALL($1::bigint[])""",
        sorted(customer_ids),
        [row["id"] for row in rows],
    )
    await connection.execute(
        "DELETE FROM contacts WHERE customer_id = ANY($1::bigint[]) AND id <> ALL($2::bigint[])",
        sorted(customer_ids),
        [row["id"] for row in rows],
    )
    left_out = await upsert_contacts(connection, rows)
    return {row["id"]: row["customer_id"] for row in taken if row["id"] not in left_out}


async def count_other_phones(
    connection: Connection, ids: Sequence[int], absent: Sequence[str]
) -> dict[str, int]:
    """Tell of how many customers these columns of phones hold a permitted one that the others do not."""
    given = " || ".join(f"search_phones({name})" for name in PHONES if name not in absent)
    counts = ", ".join(
        f"count(*) FILTER (WHERE {name} IS NOT NULL AND {name}_allowed "
        f"AND NOT search_phones({name}) <@ ({given})) AS {name}"
        for name in absent
    )
    (row,) = await connection.fetch(
        f"SELECT {counts} FROM customers WHERE id = ANY($1::bigint[])",  # noqa: S608 - names of our own columns
        ids,
    )
    return dict(row)


async def find_missing(connection: Connection, customer_ids: Sequence[int]) -> set[int]:
    """Tell which of these customers there are not, and could be."""
    found = await connection.fetch(
        """SELECT id FROM customers WHERE id = ANY($1::bigint[])
           UNION ALL SELECT customer_id FROM erased_customers WHERE customer_id = ANY($1::bigint[])""",
        sorted(set(customer_ids)),
    )
    return set(customer_ids) - {row["id"] for row in found}
