"""Rows of the register, upserted by id: what a row does not name is left as it is stored."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from disparo.db.pool import Connection

PHONES = ("phone_1", "phone_2", "phone_3")
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


async def upsert(connection: Connection, table: str, rows: Sequence[R]) -> set[int]:
    """Copy the rows beside the table, then take them over in one statement for each set of columns.

    In the caller's transaction. Gives the ids of those that are not stored: erased customers, and what is of
    customers there are not.
    """
    await wait_for_turn(connection, table)
    missing: set[int] = set()
    alike: defaultdict[tuple[str, ...], list[R]] = defaultdict(list)
    for row in rows:
        alike[tuple(row)].append(row)
    for columns, group in alike.items():
        missing |= await _upsert_alike(connection, table, columns, group)
    return missing


async def wait_for_turn(connection: Connection, table: str) -> None:
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
    told = {name: f"excluded.{name}" for name in PHONES if name in columns}
    told = {name: phone for name, phone in told.items() if f"{name}_allowed" not in columns}
    if told:
        changes += f", {moved_permissions(told, 'stored')}"
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


def moved_permissions(told: Mapping[str, str], stored: str) -> str:
    """Have a permission go with its number to another place: `told` are the phones that come without one.

    Who does not want SMS at a number must not get any because it was written into another field.
    """
    yes, no = (
        " || ".join(
            f"search_phones(CASE WHEN {stored}.{name}_allowed = {allowed} THEN {stored}.{name} END)"
            for name in PHONES
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
