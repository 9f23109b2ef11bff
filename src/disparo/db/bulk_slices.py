"""Slices and chunks of bulk runs: slices of invoices are carved from a run and stored as messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from uuid import UUID

import asyncpg

from disparo.db.messages import CHUNK_SIZE
from disparo.db.overlaps import look_at_others, wait_for_lookers
from disparo.db.pool import Connection, plan_by_size, sql

#: Invoices of a slice: a fifth of a second of work, and what a killed process may have done in vain.
SLICE = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """Invoices that follow each other in the order of (due date, id), and where they end."""

    ids: list[int]
    last_due: date
    last_id: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The places where nothing may go now, as columns: overdue?, state ('' unknown), area code, opening.

    `opens_on`: the day on which a notice could go; what is due before it is overdue by then.
    """

    overdue: Sequence[bool]
    ufs: Sequence[str]
    ddds: Sequence[str]
    opens_at: Sequence[datetime]
    opens_on: Sequence[date]

    @property
    def columns(self) -> tuple[Sequence[object], ...]:
        """Give them in the order in which every statement has them."""
        return self.overdue, self.ufs, self.ddds, self.opens_at, self.opens_on


async def page(
    connection: Connection, *, due_from: date | None, due_to: date | None, after: tuple[date, int], limit: int
) -> Page | None:
    """Give the next open invoices due within the days, after a place in their order; None: no more."""
    row = await connection.fetchrow(
        """WITH page AS MATERIALIZED (
               SELECT due_date, id FROM invoices
               WHERE status = 'open' AND (due_date, id) > ($3::date, $4::bigint)
                 AND due_date >= coalesce($1::date, '-infinity')
                 AND due_date <= coalesce($2::date, 'infinity')
               ORDER BY due_date, id LIMIT $5
           )
           SELECT array_agg(id) AS ids, max(due_date) AS last_due,
                  (SELECT id FROM page ORDER BY due_date DESC, id DESC LIMIT 1) AS last_id
           FROM page""",
        due_from,
        due_to,
        *after,
        limit,
    )
    return Page(row["ids"], row["last_due"], row["last_id"]) if row is not None and row["ids"] else None


async def count_due(connection: Connection, *, due_from: date | None, due_to: date | None) -> int:
    """Count the open invoices due within the days."""
    total: int = await connection.fetchval(
        """SELECT count(*) FROM invoices WHERE status = 'open'
           AND due_date >= coalesce($1::date, '-infinity') AND due_date <= coalesce($2::date, 'infinity')""",
        due_from,
        due_to,
    )
    return total


async def lock_uncarved(connection: Connection) -> asyncpg.Record | None:
    """Lock a running run that is not carved whole and has few slices waiting; None where there is none.

    Slices that are being stored refer to the run: its key is not locked.
    """
    return await connection.fetchrow(
        """SELECT r.dispatch_id, r.due_from, r.due_to, r.total, r.cursor_due, r.cursor_id,
                  r.invoice_ids IS NOT NULL AS by_list, cardinality(r.invoice_ids) AS listed,
                  r.invoice_ids[r.cursor_id + 1 : r.cursor_id + $1] AS next_ids
           FROM bulk_runs r
           WHERE r.finished_at IS NULL AND r.state = 'running' AND r.carved_at IS NULL
             AND (SELECT count(*) FROM bulk_slices s WHERE s.dispatch_id = r.dispatch_id) < 4
           ORDER BY (SELECT count(*) FROM bulk_slices s WHERE s.dispatch_id = r.dispatch_id), r.dispatch_id
           LIMIT 1 FOR NO KEY UPDATE OF r SKIP LOCKED""",
        SLICE,
    )


async def add_slice(
    connection: Connection, dispatch_id: UUID, ids: Sequence[int], end: tuple[date, int]
) -> None:
    """Store a slice of a locked run and move the run's cursor behind it."""
    await connection.execute(
        "INSERT INTO bulk_slices (dispatch_id, invoice_ids) VALUES ($1, $2)", dispatch_id, ids
    )
    await connection.execute(
        "UPDATE bulk_runs SET cursor_due = $2, cursor_id = $3 WHERE dispatch_id = $1", dispatch_id, *end
    )


async def set_total(connection: Connection, dispatch_id: UUID, total: int) -> None:
    """Note how many invoices a locked run begins with."""
    await connection.execute("UPDATE bulk_runs SET total = $2 WHERE dispatch_id = $1", dispatch_id, total)


async def lock_slice(connection: Connection) -> asyncpg.Record | None:
    """Lock the oldest slice of a running run that no process works on; None where there is none."""
    # A run of a time to come was stored with a wrong clock. One that waits for us since long ago is late.
    return await connection.fetchrow(
        """SELECT s.id, s.dispatch_id, s.invoice_ids, r.actor, r.only_others, now() AS now,
                  least(r.not_before, now() + (r.not_before - d.created_at)) AS not_before,
                  CASE WHEN r.not_before < now() - interval '1 hour' THEN r.not_before END AS late_since
           FROM bulk_slices s JOIN bulk_runs r ON r.dispatch_id = s.dispatch_id
           JOIN dispatches d ON d.id = s.dispatch_id
           WHERE r.finished_at IS NULL AND r.state = 'running'
           ORDER BY s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED"""
    )


async def queue_slice(
    connection: Connection,
    row: asyncpg.Record,
    *,
    allowed: Sequence[str],
    due_at: datetime,
    closed: Closed,
) -> dict[str, int]:
    """Store a locked slice's messages and end its row; gives the tally (`unread` in it: roll back)."""
    await plan_by_size(connection)
    if row["only_others"]:
        await look_at_others(connection)
        going = "bulk_others"
    else:
        await wait_for_lookers(connection)
        going = "bulk_overtaken" if await _is_overtaken(connection, row["dispatch_id"]) else "bulk_everybody"
    found = await connection.fetch(
        _queue(going),
        row["invoice_ids"],
        allowed,
        row["dispatch_id"],
        due_at,
        row["actor"],
        *closed.columns,
        row["late_since"],
    )
    await connection.execute("DELETE FROM bulk_slices WHERE id = $1", row["id"])
    return {item["what"]: item["count"] for item in found}


async def drop_queued(connection: Connection, slice_id: int) -> None:
    """Take from a slice the invoices its run has messages of: their due date moved while it was carved."""
    await connection.execute(
        """WITH left_over AS (
               SELECT s.dispatch_id, cardinality(s.invoice_ids) AS before, ARRAY(
                   SELECT i.id FROM unnest(s.invoice_ids) WITH ORDINALITY AS i (id, place)
                   WHERE NOT EXISTS (SELECT FROM messages
                                     WHERE dispatch_id = s.dispatch_id AND invoice_id = i.id)
                   ORDER BY i.place) AS ids
               FROM bulk_slices s WHERE s.id = $1
           ), dropped AS (
               UPDATE bulk_slices SET invoice_ids = ids FROM left_over WHERE id = $1
           )
           UPDATE bulk_runs r SET total = r.total - (l.before - cardinality(l.ids))  -- counted once
           FROM left_over l WHERE r.dispatch_id = l.dispatch_id""",
        slice_id,
    )


async def runs_left(connection: Connection) -> set[UUID]:
    """Give the runs of which slices are left to be queued."""
    rows = await connection.fetch("SELECT DISTINCT dispatch_id FROM bulk_slices")
    return {row["dispatch_id"] for row in rows}


async def put_last(connection: Connection, slice_id: int) -> None:
    """Put a slice behind all others."""
    await connection.execute("UPDATE bulk_slices SET id = DEFAULT WHERE id = $1", slice_id)


async def _is_overtaken(connection: Connection, dispatch_id: UUID) -> bool:
    """Tell whether a run to the others alone was stored later: some were left to it (bulk_overtaken.sql)."""
    found: bool = await connection.fetchval(
        """SELECT EXISTS (SELECT FROM bulk_runs r JOIN dispatches d ON d.id = r.dispatch_id
                          WHERE r.only_others
                            AND d.created_at > (SELECT created_at FROM dispatches WHERE id = $1))""",
        dispatch_id,
    )
    return found


@cache
def _queue(going: str) -> str:
    return sql("bulk_candidates") + sql(going) + sql("bulk_queue")


async def take_chunk(connection: Connection, worker_id: UUID) -> int | None:
    """Take the next due chunk for a worker, one run after the other; None where nothing is due."""
    chunk_id: int | None = await connection.fetchval(sql("take_bulk_chunk"), worker_id)
    return chunk_id


async def free_chunks(connection: Connection, worker_id: UUID) -> None:
    """Free the chunks that the table says a worker has, for a worker that knows of none."""
    await connection.execute("UPDATE bulk_chunks SET worker_id = NULL WHERE worker_id = $1", worker_id)


async def end_chunk(connection: Connection, chunk_id: int, worker_id: UUID | None) -> bool:
    """Delete a worker's chunk (None: nobody's) of which nothing waits, else free it; True: it is deleted.

    Of a worker that was taken over meanwhile it is another's, or free, and others add to what is free: from
    under their hands it must not be freed, nor deleted.
    """
    over = await connection.fetchval(
        """DELETE FROM bulk_chunks WHERE chunk_id = $1 AND worker_id IS NOT DISTINCT FROM $2
           AND NOT EXISTS (SELECT FROM messages WHERE chunk_id = $1 AND status = 'queued')
           RETURNING true""",
        chunk_id,
        worker_id,
    )
    if over is None:
        await connection.execute(
            "UPDATE bulk_chunks SET worker_id = NULL WHERE chunk_id = $1 AND worker_id = $2",
            chunk_id,
            worker_id,
        )
    return over is not None


async def add_chunk(connection: Connection, dispatch_id: UUID, *, due_at: datetime | None = None) -> int:
    """Make a chunk, due now or later, for a run's messages that were put back."""
    chunk_id: int = await connection.fetchval(
        """INSERT INTO bulk_chunks (chunk_id, dispatch_id, due_at)
           VALUES (nextval('bulk_chunks_id_seq'), $1, coalesce($2, now())) RETURNING chunk_id""",
        dispatch_id,
        due_at,
    )
    return chunk_id


async def chunk_with_room(connection: Connection, dispatch_id: UUID, *, due_at: datetime, count: int) -> int:
    """Give a run's chunk of a moment with room for `count` messages; nobody takes it before the commit."""
    chunk_id: int | None = await connection.fetchval(
        """SELECT chunk_id FROM bulk_chunks
           WHERE dispatch_id = $1 AND due_at = $2 AND worker_id IS NULL
           ORDER BY chunk_id LIMIT 1 FOR UPDATE SKIP LOCKED""",
        dispatch_id,
        due_at,
    )
    if chunk_id is not None:
        has: int = await connection.fetchval(
            "SELECT count(*) FROM messages WHERE chunk_id = $1 AND status = 'queued'", chunk_id
        )
        if has + count <= CHUNK_SIZE:
            return chunk_id
    return await add_chunk(connection, dispatch_id, due_at=due_at)


async def has_chunks(connection: Connection, dispatch_id: UUID) -> bool:
    """Tell whether a run has chunks left."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM bulk_chunks WHERE dispatch_id = $1)", dispatch_id
    )
    return found


async def drop_slices(connection: Connection, dispatch_id: UUID) -> None:
    """Delete slices that are not queued yet; waits for one that is being queued."""
    await connection.execute("DELETE FROM bulk_slices WHERE dispatch_id = $1", dispatch_id)


async def drop_chunks(connection: Connection, dispatch_id: UUID, *, limit: int) -> list[int]:
    """Delete some chunks of a run; gives them, for their messages to be cancelled."""
    rows = await connection.fetch(
        """DELETE FROM bulk_chunks WHERE chunk_id IN
             (SELECT chunk_id FROM bulk_chunks WHERE dispatch_id = $1 LIMIT $2 FOR UPDATE)
           RETURNING chunk_id""",
        dispatch_id,
        limit,
    )
    return [row["chunk_id"] for row in rows]
