"""The register as it comes in: customers, contacts and invoices, upserted by id in batches.

A row holds what its source said and nothing else: what it does not name is left as it is stored.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Required, TypedDict, TypeVar
from zoneinfo import ZoneInfo

from disparo.db.pool import Connection


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
_PHONES = ("phone_1", "phone_2", "phone_3")
R = TypeVar("R", bound=Mapping[str, Any])
_LOCK = 0x72656769  # "regi"
_JSON = frozenset({"services", "addresses", "details"})
#: Columns of many fields: what is not given stays, a null empties it. `i` brings them, `s` has them.
_MERGED = {
    "addresses": """jsonb_strip_nulls(coalesce(s.addresses, '{}') || (
        SELECT coalesce(jsonb_object_agg(name, CASE given WHEN 'null' THEN given
                                               ELSE coalesce(s.addresses -> name, '{}') || given END), '{}')
        FROM jsonb_each(i.addresses) AS e (name, given)))""",
    "details": """(SELECT coalesce(jsonb_object_agg(name, given), '{}')
        FROM jsonb_each(coalesce(s.details, '{}') || i.details) AS e (name, given)
        WHERE given <> 'null')""",
}
#: When one was asked for that is not sent anyway is no news: each full pass would write all of them again.
_NEWS = "CASE stored.status WHEN 'open' THEN excluded.checked_at ELSE stored.checked_at END"


async def fill_in_days_of(connection: Connection, zone: ZoneInfo) -> None:
    """Have this transaction take an unnamed day of registration from the clock on the wall there."""
    await connection.execute("SELECT set_config('timezone', $1, true)", zone.key)


async def wait_for_writers(connection: Connection) -> None:
    """Have nobody else write to the register until this transaction ends.

    In the order in which whoever writes to several of its tables takes them: two would wait for each other.
    """
    for table in ("customers", "contacts", "invoices"):
        await _wait_for_our_turn(connection, table)


async def upsert_customers(connection: Connection, rows: Sequence[CustomerRow]) -> set[int]:
    """Store customers, each id at most once, in the caller's transaction.

    Gives the ids of those that were erased at their request, which are not stored (erasure.py).
    """
    return await _upsert(connection, "customers", rows)


async def update_told(connection: Connection, source: str, told: Mapping[int, Told]) -> None:
    """Take over what is told beside invoices of this source's customers, by id; what is not told stays."""
    if not told:
        return
    await _wait_for_our_turn(connection, "customers")
    permissions = _moved_permissions({name: f"coalesce(told.{name}, c.{name})" for name in _PHONES}, "c")
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
    return await _upsert(connection, "contacts", rows)


async def upsert_invoices(connection: Connection, rows: Sequence[InvoiceRow]) -> set[int]:
    """Store invoices of customers there are; gives the ids of those whose customer is missing.

    One that comes with no day of payment and no status is not paid; cancelled it stays.
    """
    return await _upsert(connection, "invoices", rows)


async def replace_contacts(
    connection: Connection, customer_ids: Sequence[int], rows: Sequence[ContactRow]
) -> None:
    """Make these the only contacts of these customers."""
    await _wait_for_our_turn(connection, "contacts")
    await connection.execute(
        "DELETE FROM contacts WHERE customer_id = ANY($1::bigint[]) AND id <> ALL($2::bigint[])",
        sorted(customer_ids),
        [row["id"] for row in rows],
    )
    await upsert_contacts(connection, rows)


async def count_other_phones(
    connection: Connection, ids: Sequence[int], absent: Sequence[str]
) -> dict[str, int]:
    """Tell of how many customers these columns of phones hold a permitted one that the others do not."""
    given = " || ".join(f"search_phones({name})" for name in _PHONES if name not in absent)
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


async def _upsert(connection: Connection, table: str, rows: Sequence[R]) -> set[int]:
    """Copy the rows beside the table, then take them over in one statement for each set of columns."""
    await _wait_for_our_turn(connection, table)
    missing: set[int] = set()
    alike: defaultdict[tuple[str, ...], list[R]] = defaultdict(list)
    for row in rows:
        alike[tuple(row)].append(row)
    for columns, group in alike.items():
        missing |= await _upsert_alike(connection, table, columns, group)
    return missing


async def _wait_for_our_turn(connection: Connection, table: str) -> None:
    """Have one transaction at a time write rows: several statements of each lock them in no common order."""
    await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCK, table)


async def _upsert_alike(
    connection: Connection, table: str, columns: tuple[str, ...], rows: Sequence[R]
) -> set[int]:
    names = ", ".join(columns)
    await connection.execute(
        f"CREATE TEMP TABLE incoming AS SELECT {names} FROM {table} WITH NO DATA"  # noqa: S608 - our own names
    )
    await connection.copy_records_to_table(
        "incoming", schema_name="pg_temp", columns=columns, records=_records(columns, rows)
    )
    set_aside = _set_aside_orphans if "customer_id" in columns else _set_aside_erased
    left_out = await set_aside(connection)
    await connection.execute(_take_over(table, columns))
    await connection.execute("DROP TABLE pg_temp.incoming")
    return left_out


def _records(columns: tuple[str, ...], rows: Sequence[R]) -> Sequence[tuple[Any, ...]]:
    if _JSON.isdisjoint(columns):
        return [tuple(row.values()) for row in rows]
    return [
        tuple(json.dumps(value) if name in _JSON else value for name, value in row.items()) for row in rows
    ]


async def _set_aside_orphans(connection: Connection) -> set[int]:
    gone = await connection.fetch(
        """DELETE FROM pg_temp.incoming i
           WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = i.customer_id) RETURNING id"""
    )
    return {row["id"] for row in gone}


async def _set_aside_erased(connection: Connection) -> set[int]:
    erased = await connection.fetch(
        """DELETE FROM pg_temp.incoming i
           WHERE EXISTS (SELECT FROM erased_customers e WHERE e.customer_id = i.id) RETURNING id"""
    )
    return {row["id"] for row in erased}


def _take_over(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    given = ", ".join(_MERGED.get(name, f"i.{name}") for name in columns)
    # What is merged needs what is there; for the rest it would be looked for twice.
    there = "" if _MERGED.keys().isdisjoint(columns) else f"LEFT JOIN {table} s ON s.id = i.id"
    values = [name for name in columns if name != "id"]
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    stored = ", ".join(f"stored.{name}" for name in values)
    new = ", ".join(_NEWS if name == "checked_at" else f"excluded.{name}" for name in values)
    told = {name: f"excluded.{name}" for name in _PHONES if name in columns}
    told = {name: phone for name, phone in told.items() if f"{name}_allowed" not in columns}
    if told:
        changes += f", {_moved_permissions(told, 'stored')}"
    if "paid_at" in columns and "status" not in columns:
        changes += ", status = CASE stored.status WHEN 'paid' THEN 'open' ELSE stored.status END"
        stored, new = f"{stored}, stored.status = 'paid'", f"{new}, false"
    newer = ""
    if table == "invoices" and "checked_at" not in columns:
        changes += ", checked_at = NULL"  # its source did not say so: it is asked before this is sent
    elif "checked_at" in columns:
        # Of two answers of a source the one asked for first may be stored last. What a clock that ran ahead
        # has stored is older than nothing.
        newer = """AND (stored.checked_at IS NULL OR excluded.checked_at IS NULL
                   OR excluded.checked_at >= stored.checked_at OR stored.checked_at > clock_timestamp())"""
    # In order of id, as everybody who locks these rows; an unchanged row is not written again.
    return f"""INSERT INTO {table} AS stored ({names})
               SELECT {given} FROM pg_temp.incoming i {there} ORDER BY i.id
               ON CONFLICT (id) DO UPDATE SET {changes}, updated_at = now()
               WHERE ({stored}) IS DISTINCT FROM ({new}) {newer}"""  # noqa: S608 - names of our own columns


def _moved_permissions(told: Mapping[str, str], stored: str) -> str:
    """Have a permission go with its number to another place: `told` are the phones that come without one.

    Who does not want SMS at a number must not get any because it was written into another field.
    """
    yes, no = (
        " || ".join(
            f"search_phones(CASE WHEN {stored}.{name}_allowed = {allowed} THEN {stored}.{name} END)"
            for name in _PHONES
        )
        for allowed in ("true", "false")
    )
    return ", ".join(
        f"""{name}_allowed = CASE
                WHEN search_phones({phone}) = search_phones({stored}.{name}) THEN {stored}.{name}_allowed
                WHEN search_phones({phone}) && ({no}) THEN false
                WHEN search_phones({phone}) <> '{{}}' AND search_phones({phone}) <@ ({yes}) THEN true
                ELSE {stored}.{name}_allowed END"""
        for name, phone in told.items()
    )
