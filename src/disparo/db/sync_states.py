"""Where each live source's sync stands, and the lock that makes its runner the only one."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import asyncpg

from disparo.db.pool import Connection

_LOCK = 0x73796E63  # "sync"
_LACKS = ("missed", "left_out")


async def take_lock(connection: Connection, source: str) -> bool:
    """Become the only runner until this connection closes; False where there is one."""
    taken: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, source)
    return taken


async def read(connection: Connection, source: str) -> asyncpg.Record | None:
    """Read the state; `idle_s`: seconds since a pass last ended well, `failed_s`: since one broke off."""
    return await connection.fetchrow(
        """SELECT *, extract(epoch FROM now() - finished_at)::float8 AS idle_s,
                  extract(epoch FROM now() - failed_at)::float8 AS failed_s,
                  extract(epoch FROM now() - full_at)::float8 AS full_age_s
           FROM sync_states WHERE source = $1""",
        source,
    )


async def begin(connection: Connection, source: str, progress: Mapping[str, Any]) -> None:
    """Note that a pass begins, or goes on."""
    await connection.execute(
        """INSERT INTO sync_states (source, progress, started_at) VALUES ($1, $2, now())
           ON CONFLICT (source) DO UPDATE SET progress = excluded.progress, started_at = now()""",
        source,
        json.dumps(progress),
    )


async def advance(connection: Connection, source: str, progress: Mapping[str, Any]) -> None:
    """Note how far a pass is, in the transaction that stores what it brought."""
    await connection.execute(
        "UPDATE sync_states SET progress = $2 WHERE source = $1", source, json.dumps(progress)
    )


async def finish(
    connection: Connection, source: str, *, complete_to: date, is_full: bool, lacks: Mapping[str, Any]
) -> None:
    """Note that a pass has ended well; `lacks`: see `lacks_after`."""
    await connection.execute(
        """UPDATE sync_states SET progress = $4, complete_to = $2, finished_at = now(), failed_at = NULL,
                  failure = NULL, full_at = CASE WHEN $3 THEN now() ELSE full_at END
           WHERE source = $1""",
        source,
        complete_to,
        is_full,
        json.dumps(lacks),
    )


def lacks_after(progress: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is kept of a pass that ends: the rows that it lacks, beside those of the last full one.

    `missed`: counted there and not listed; `left_out`: listed, and not to be stored; of the pass after it
    under `recent`. An incremental pass sees few rows: that it lacks none tells nothing of the others.
    """
    own = {name: progress[name] for name in _LACKS if progress.get(name)}
    if progress["full"]:
        return own
    kept = {name: value for name, value in lacks_before(progress).items() if name in _LACKS}
    return {**kept, "recent": own} if own else kept


def lacks_before(progress: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what the passes that have ended lack, also while another runs."""
    if "steps" not in progress:
        return progress
    found: Mapping[str, Any] = progress.get("before", {})
    return found


def count_lacking(progress: Mapping[str, Any]) -> int:
    """Count the rows that did not come; the same row may lack in the full pass and in the one after it."""
    lacks = lacks_before(progress)
    return max(_total(lacks), _total(lacks.get("recent", {})))


async def read_lacking(connection: Connection, *, of: Collection[str] | None = None) -> dict[str, int]:
    """Count the rows that did not come, by source that was synced, of all or some; see `count_lacking`."""
    rows = await connection.fetch(
        """SELECT source, progress FROM sync_states
           WHERE finished_at IS NOT NULL AND ($1::text[] IS NULL OR source = ANY($1)) ORDER BY source""",
        None if of is None else list(of),
    )
    return {row["source"]: count_lacking(json.loads(row["progress"])) for row in rows}


async def read_failing(connection: Connection, *, of: Collection[str] | None = None) -> dict[str, str]:
    """Give why the last pass broke off, of each source, of all or some, where it did."""
    rows = await connection.fetch(
        """SELECT source, failure FROM sync_states
           WHERE failed_at IS NOT NULL AND ($1::text[] IS NULL OR source = ANY($1)) ORDER BY source""",
        None if of is None else list(of),
    )
    return {row["source"]: row["failure"] for row in rows}


def _total(lacks: Mapping[str, Any]) -> int:
    return sum(lacks.get(name, 0) for name in _LACKS)


async def fail(connection: Connection, source: str, failure: str) -> None:
    """Note that a pass broke off; the next one goes on from where it was."""
    await connection.execute(
        "UPDATE sync_states SET failed_at = now(), failure = $2 WHERE source = $1", source, failure
    )


async def with_live_services(connection: Connection, customer_ids: Sequence[int]) -> set[int]:
    """Tell which of these customers have a service, as stored, that is not cancelled."""
    rows = await connection.fetch(
        """SELECT id FROM customers WHERE id = ANY($1::bigint[])
             AND EXISTS (SELECT FROM jsonb_array_elements(services) AS s
                         WHERE s ->> 'status_code' IS DISTINCT FROM 'cancelado')""",
        list(customer_ids),
    )
    return {row["id"] for row in rows}


async def invoices_to_ask(
    connection: Connection, source: str, invoice_ids: Sequence[int]
) -> list[asyncpg.Record]:
    """Give customer and due day of these invoices of a source."""
    return await connection.fetch(
        """SELECT id, customer_id, due_date FROM invoices
           WHERE id = ANY($1::bigint[]) AND source = $2 ORDER BY customer_id, id""",
        list(invoice_ids),
        source,
    )


async def open_and_not_among(
    connection: Connection, source: str, invoice_ids: Collection[int], first: date, last: date, *, limit: int
) -> list[int]:
    """Give open invoices of a source due in a period, but for these; at most `limit`, by due day."""
    # NOT IN looks each up in a hash of the list; joined with it, each is held against all of it.
    rows = await connection.fetch(
        """SELECT id FROM invoices
           WHERE source = $1 AND status = 'open' AND due_date BETWEEN $3 AND $4
             AND id NOT IN (SELECT * FROM unnest($2::bigint[]))
           ORDER BY due_date, id LIMIT $5""",
        source,
        list(invoice_ids),
        first,
        last,
        limit,
    )
    return [row["id"] for row in rows]


async def mark_gone(connection: Connection, invoice_id: int, customer_id: int, *, asked_at: datetime) -> None:
    """Cancel an invoice of a customer that its source, asked then, did not have any more.

    One of another customer's by now stays, and one of which a later answer is stored (see `customers.py`).
    """
    await connection.execute(
        """UPDATE invoices SET status = 'cancelled', checked_at = $3, updated_at = now()
           WHERE id = $1 AND customer_id = $2 AND status = 'open'
             AND (checked_at IS NULL OR checked_at <= $3 OR checked_at > clock_timestamp())""",
        invoice_id,
        customer_id,
        asked_at,
    )
