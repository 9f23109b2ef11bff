"""Bulk runs: stored, read, paused, ended. Their slices and chunks are in bulk_slices.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from disparo.db.dispatches import StoredAs
from disparo.db.pool import Connection


@dataclass(frozen=True, slots=True)
class NewRun:
    """One run to be stored: `invoice_ids` (sorted, each once), or every open invoice due in the days.

    `only_others`: not to who had the invoice's SMS within a day.
    """

    id: UUID
    run_key: str | None
    actor: str
    client_id: int | None
    user_id: int | None
    invoice_ids: Sequence[int] | None
    due_from: date | None
    due_to: date | None
    purpose: str
    not_before: datetime
    starts_at: datetime
    only_others: bool
    created_at: datetime


async def insert(connection: Connection, run: NewRun, stored_as: StoredAs) -> bool:
    """Store a run; False where it is there under its id. Its name is free: see `by_key`."""
    done = await connection.fetchval(
        """WITH dispatch AS (
               INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, client_id,
                                       user_id, starts_at, created_at)
               VALUES ($1, 'bulk', $2, $3, $4, $5, '{}', $6, $7, $8, $16) ON CONFLICT DO NOTHING RETURNING id
           ), run AS (
               INSERT INTO bulk_runs (dispatch_id, run_key, actor, invoice_ids, due_from, due_to, not_before,
                                      only_others)
               SELECT id, $9, $10, $11, $12, $13, $14, $15 FROM dispatch RETURNING dispatch_id
           )
           INSERT INTO bulk_turns (dispatch_id, served_at) SELECT dispatch_id, now() FROM run
           RETURNING true""",
        run.id,
        stored_as.queue,
        run.purpose,
        stored_as.tries,
        stored_as.timeout_s,
        run.client_id,
        run.user_id,
        run.starts_at,
        run.run_key,
        run.actor,
        run.invoice_ids,
        run.due_from,
        run.due_to,
        run.not_before,
        run.only_others,
        run.created_at,
    )
    return done is not None


async def by_key(connection: Connection, run_key: str) -> asyncpg.Record | None:
    """Give the run of a name: dispatch_id, selection, created_at and starts_at; others of it wait."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 9))", run_key)
    return await connection.fetchrow(
        """SELECT r.dispatch_id, r.invoice_ids, r.due_from, r.due_to, d.created_at, d.starts_at
           FROM bulk_runs r JOIN dispatches d ON d.id = r.dispatch_id WHERE r.run_key = $1""",
        run_key,
    )


async def kinds_of(
    connection: Connection, invoice_ids: Sequence[int], *, allow_paid: bool
) -> list[asyncpg.Record]:
    """Give what tells when those that go of these invoices may: due_date, uf, ddd (of a first phone)."""
    return await connection.fetch(
        """SELECT DISTINCT i.due_date, c.uf, left(c.sms_numbers[1], 2) AS ddd
           FROM invoices i JOIN customers c ON c.id = i.customer_id
           WHERE i.id = ANY($1::bigint[]) AND (i.status = 'open' OR ($2 AND i.status = 'paid'))""",
        invoice_ids,
        allow_paid,
    )


async def read(connection: Connection, dispatch_id: UUID) -> asyncpg.Record | None:
    """Give a run with its tallies and its messages' counts by status (both JSON).

    `next_at`: when the next of its messages that no worker has in hand may go, in a chunk of its own or in
    one of what was put off (those of one chunk wait until the same moment); `waits_for`: the reason one of
    them was put off for, None if none was since it was queued.
    """
    return await connection.fetchrow(
        """SELECT r.dispatch_id, r.run_key, r.actor, r.state, r.due_from, r.due_to,
                  greatest(r.total, cardinality(r.invoice_ids),  -- more may have come since they were counted
                           (SELECT sum(count) FROM bulk_tallies t WHERE t.dispatch_id = r.dispatch_id
                            AND what = 'invoices')::bigint) AS total, r.carved_at,
                  r.finished_at, d.created_at, d.starts_at,
                  d.cancelled_at IS NOT NULL OR r.state = 'cancelled' AS is_withdrawn,
                  r.carved_at IS NOT NULL AND NOT EXISTS
                      (SELECT FROM bulk_slices s WHERE s.dispatch_id = r.dispatch_id) AS is_queued,
                  next.due_at AS next_at,
                  (SELECT m.reason FROM messages m WHERE m.status = 'queued' AND m.reason IS NOT NULL
                   AND m.chunk_id = next.chunk_id AND m.dispatch_id = r.dispatch_id LIMIT 1) AS waits_for,
                  (SELECT json_object_agg(what, total) FROM
                     (SELECT what, sum(count)::bigint AS total FROM bulk_tallies
                      WHERE dispatch_id = r.dispatch_id GROUP BY what) t) AS tallies,
                  (SELECT json_object_agg(status, total) FROM
                     (SELECT status, sum(delta)::bigint AS total FROM dispatch_counts
                      WHERE dispatch_id = r.dispatch_id GROUP BY status HAVING sum(delta) <> 0) c) AS counts
           FROM bulk_runs r JOIN dispatches d ON d.id = r.dispatch_id
           LEFT JOIN LATERAL
             (SELECT chunk_id, due_at FROM
                (SELECT chunk_id, due_at FROM bulk_chunks
                 WHERE dispatch_id = r.dispatch_id AND worker_id IS NULL
                 UNION ALL
                 SELECT w.chunk_id, m.due_at FROM waiting_chunks w CROSS JOIN LATERAL
                   (SELECT due_at FROM messages WHERE chunk_id = w.chunk_id AND status = 'queued'
                    AND dispatch_id = r.dispatch_id LIMIT 1) m
                 WHERE w.chunk_id < 0) places
              ORDER BY due_at, chunk_id LIMIT 1) next ON true
           WHERE r.dispatch_id = $1""",
        dispatch_id,
    )


async def list_recent(connection: Connection, *, limit: int) -> list[UUID]:
    """List runs, the newest first."""
    rows = await connection.fetch(
        "SELECT id FROM dispatches WHERE kind = 'bulk' ORDER BY created_at DESC, id DESC LIMIT $1", limit
    )
    return [row["id"] for row in rows]


async def state_of(connection: Connection, dispatch_id: UUID) -> str | None:
    """Give a run's state; None where it is no run."""
    state: str | None = await connection.fetchval(
        "SELECT state FROM bulk_runs WHERE dispatch_id = $1", dispatch_id
    )
    return state


async def change_state(
    connection: Connection, dispatch_id: UUID, *, before: Sequence[str], after: str
) -> bool:
    """Move a run from one of the states to another; False where it is in none of them."""
    changed = await connection.fetchval(
        """UPDATE bulk_runs
           SET state = $3, resumed_at = CASE WHEN $3 = 'running' THEN now() ELSE resumed_at END
           WHERE dispatch_id = $1 AND state = ANY($2::text[]) RETURNING true""",
        dispatch_id,
        list(before),
        after,
    )
    return changed is not None


async def pause_all(connection: Connection) -> None:
    """Pause whatever runs: in a restored database nothing goes on by itself (docs/delivery.md §8)."""
    await connection.execute("UPDATE bulk_runs SET state = 'paused' WHERE state = 'running'")


async def is_any_left(connection: Connection) -> bool:
    """Tell whether a run is not over, or chunks are left of one that is."""
    found: bool = await connection.fetchval(
        """SELECT EXISTS (SELECT FROM bulk_runs WHERE finished_at IS NULL)
               OR EXISTS (SELECT FROM bulk_chunks)"""
    )
    return found


async def finish_sent(connection: Connection) -> list[UUID]:
    """End the runs that are queued whole and have nothing left that waits; gives them.

    A paused one too: there is nothing to resume, but for uncertain ones, which wait again where it turns out
    that they were not taken. What a restore holds will wait again, and may be withdrawn with its run until
    then. What is held alone (it killed its workers) keeps no run open.

    Nobody takes a paused one's chunks, to end them: where all in them was withdrawn they stand empty, and are
    dropped as those of any run that is over.
    """
    rows = await connection.fetch(
        """UPDATE bulk_runs r SET state = 'done', finished_at = now()
           WHERE r.finished_at IS NULL AND r.state IN ('running', 'paused') AND r.carved_at IS NOT NULL
             AND NOT EXISTS (SELECT FROM bulk_slices s WHERE s.dispatch_id = r.dispatch_id)
             AND NOT EXISTS (SELECT FROM bulk_chunks c WHERE c.dispatch_id = r.dispatch_id
                             AND (r.state = 'running' OR c.worker_id IS NOT NULL))
             AND (SELECT coalesce(sum(delta), 0) FROM dispatch_counts c WHERE c.dispatch_id = r.dispatch_id
                  AND (c.status IN ('queued', 'claimed', 'sending')
                       OR c.status = 'uncertain' AND r.state = 'paused'
                       OR c.status = 'held' AND (SELECT held_since IS NOT NULL FROM installation))) = 0
           RETURNING r.dispatch_id"""
    )
    return [row["dispatch_id"] for row in rows]


async def cancelled_unfinished(connection: Connection) -> list[UUID]:
    """List cancelled runs whose messages are not all cancelled yet."""
    rows = await connection.fetch(
        "SELECT dispatch_id FROM bulk_runs WHERE finished_at IS NULL AND state = 'cancelled'"
    )
    return [row["dispatch_id"] for row in rows]


async def paused(connection: Connection, *, of: Sequence[int] | None = None) -> list[UUID]:
    """List paused runs, the oldest first: all, or those `of` these messages."""
    rows = await connection.fetch(
        """SELECT dispatch_id FROM bulk_runs WHERE finished_at IS NULL AND state = 'paused'
             AND ($1::bigint[] IS NULL
                  OR dispatch_id IN (SELECT dispatch_id FROM messages WHERE id = ANY($1)))
           ORDER BY dispatch_id""",
        of,
    )
    return [row["dispatch_id"] for row in rows]


async def list_paused(connection: Connection, *, limit: int) -> list[asyncpg.Record]:
    """List paused runs, the oldest first: dispatch_id, created_at."""
    return await connection.fetch(
        """SELECT r.dispatch_id, d.created_at FROM bulk_runs r JOIN dispatches d ON d.id = r.dispatch_id
           WHERE r.finished_at IS NULL AND r.state = 'paused' ORDER BY r.dispatch_id LIMIT $1""",
        limit,
    )


async def mark_carved(connection: Connection, dispatch_id: UUID) -> None:
    """Note that a locked run is in slices whole; what there was may have been more, or less, by then."""
    await connection.execute(
        """UPDATE bulk_runs SET carved_at = now(), total = CASE WHEN invoice_ids IS NOT NULL THEN total ELSE
             (SELECT coalesce(sum(count), 0) FROM bulk_tallies WHERE dispatch_id = $1 AND what = 'invoices')
             + (SELECT coalesce(sum(cardinality(invoice_ids)), 0) FROM bulk_slices WHERE dispatch_id = $1) END
           WHERE dispatch_id = $1""",
        dispatch_id,
    )


async def mark_finished(connection: Connection, dispatch_id: UUID) -> None:
    """Note that a cancelled run has nothing left."""
    await connection.execute("UPDATE bulk_runs SET finished_at = now() WHERE dispatch_id = $1", dispatch_id)
