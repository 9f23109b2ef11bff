"""Dispatches: stored with their messages, read whole, cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from disparo.db.overlaps import look_at_others
from disparo.db.pool import Connection, column, sql
from disparo.domain.recipients import Ignored, Recipient


class NewMessage(NamedTuple):
    """One message to be stored."""

    recipient: Recipient
    reference: str


class NewDispatch(NamedTuple):
    """One accepted call to be stored; `chunk_id` is set just before."""

    id: UUID
    invoice_id: int
    purpose: str
    client_id: int | None  # None: a person at the panel
    user_id: int
    starts_at: datetime
    messages: Sequence[NewMessage]
    ignored: Sequence[Ignored]


@dataclass(frozen=True, slots=True)
class StoredAs:
    """The settings with which every dispatch of this installation is stored."""

    queue: str
    tries: int
    timeout_s: int
    memory_mb: int  # reported, not stored


class Look(NamedTuple):
    """What accepting reads first: the transaction's time, a fresh chunk id, the phones that opted out."""

    now: datetime
    chunk_id: int
    opted_out: frozenset[str]


async def insert(
    connection: Connection, new: Sequence[NewDispatch], chunks: Sequence[int], stored_as: StoredAs
) -> int:
    """Store dispatches, each in its chunk, and their messages; gives the transaction's number."""
    messages = [(place, *message) for place, dispatch in enumerate(new, 1) for message in dispatch.messages]
    number = await connection.fetchval(
        sql("insert_dispatches"),
        [item.id for item in new],
        [item.invoice_id for item in new],
        [item.purpose for item in new],
        [item.client_id for item in new],
        [item.user_id for item in new],
        [item.starts_at for item in new],
        [_ignored(item) for item in new],
        chunks,
        [_actor(item) for item in new],
        stored_as.queue,
        stored_as.tries,
        stored_as.timeout_s,
        [place for place, _, _ in messages],
        [recipient.customer_id for _, recipient, _ in messages],
        column([recipient.contact_id for _, recipient, _ in messages]),
        [recipient.origin for _, recipient, _ in messages],
        [recipient.name for _, recipient, _ in messages],
        [recipient.phone.national for _, recipient, _ in messages],
        [recipient.phone.e164 for _, recipient, _ in messages],
        [reference for _, _, reference in messages],
    )
    return int(number)


def _ignored(dispatch: NewDispatch) -> str:
    return json.dumps([[one.phone, one.reason] for one in dispatch.ignored]) if dispatch.ignored else "[]"


async def look(connection: Connection, numbers: Iterable[str]) -> Look:
    """Read what accepting these E.164 numbers needs beside the facts."""
    row = await connection.fetchrow(sql("accept_look"), sorted(numbers))
    assert row is not None  # noqa: S101 - for the type checker: it always has one row
    return Look(row["now"], row["chunk_id"], frozenset(row["opted_out"]))


def _actor(dispatch: NewDispatch) -> str:
    person = f"user:{dispatch.user_id}"
    return person if dispatch.client_id is None else f"client:{dispatch.client_id}/{person}"


async def take_chunks(connection: Connection, count: int) -> list[int]:
    """Take fresh chunk ids."""
    rows = await connection.fetch("SELECT nextval('chunks_id_seq') AS id FROM generate_series(1, $1)", count)
    return [row["id"] for row in rows]


class Earlier(NamedTuple):
    """An earlier dispatch of an invoice to a phone, and how many seconds ago it was."""

    dispatch_id: UUID
    age_s: float


async def recent(
    connection: Connection, wanted: Sequence[tuple[int, str, int]]
) -> dict[tuple[int, str], Earlier]:
    """Give the latest dispatch of each (invoice, phone, window in s), within the longest of the windows."""
    invoices, numbers, windows = zip(*wanted, strict=True)
    # One call at a time for an invoice: two that come together must not both find nothing.
    await connection.fetch(
        "SELECT pg_advisory_xact_lock(hashtextextended('repeat', id)) FROM unnest($1::bigint[]) AS t (id)",
        sorted(set(invoices)),
    )
    rows = await connection.fetch(sql("recent_messages"), invoices, numbers, windows)
    return {(row["invoice_id"], row["e164"]): Earlier(row["dispatch_id"], row["age_s"]) for row in rows}


async def had_today(connection: Connection, invoice_id: int) -> set[str]:
    """Give the E.164 numbers that had an invoice's SMS within a day, or are about to: see bulk_others.sql.

    Runs that are being queued, and others who ask the same, wait for this transaction.
    """
    await look_at_others(connection)
    rows = await connection.fetch(
        """SELECT DISTINCT e164 FROM messages m
           WHERE invoice_id = $1 AND status NOT IN ('undelivered', 'failed', 'skipped', 'cancelled')
             AND (created_at > now() - interval '1 day' OR status IN ('queued', 'claimed', 'sending', 'held')
                  OR (SELECT started_at FROM attempts WHERE id = m.attempt_id) > now() - interval '1 day')""",
        invoice_id,
    )
    return {row["e164"] for row in rows}


async def cancel(connection: Connection, dispatch_id: UUID) -> bool:
    """Note that a dispatch is cancelled; False where there is none."""
    found = await connection.fetchval(
        """UPDATE dispatches SET cancelled_at = coalesce(cancelled_at, now())
           WHERE id = $1 RETURNING true""",
        dispatch_id,
    )
    return found is not None


async def existing(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Tell which of these dispatches are stored."""
    rows = await connection.fetch("SELECT id FROM dispatches WHERE id = ANY($1::uuid[])", ids)
    return {row["id"] for row in rows}


async def read(connection: Connection, dispatch_id: UUID) -> asyncpg.Record | None:
    """Read one dispatch with its counts by status (JSON)."""
    return await connection.fetchrow(
        """SELECT d.*, r.state AS run_state, r.actor, r.due_from, r.due_to,
                  (SELECT json_object_agg(status, total) FROM counts_of(d.id, d.kind)) AS counts
           FROM dispatches d LEFT JOIN bulk_runs r ON r.dispatch_id = d.id WHERE d.id = $1""",
        dispatch_id,
    )


async def read_messages(
    connection: Connection, dispatch_id: UUID, *, limit: int, offset: int
) -> list[asyncpg.Record]:
    """Read a page of a dispatch's messages with their last attempt, in the order they were stored.

    `code`: the platform's own, of its answer, or of the receipt that says that it did not arrive; only of
    what did not, or may not have. `sent_at`: when the last hand-over began that was taken, or may have been.
    """
    return await connection.fetch(
        """WITH page AS MATERIALIZED (
               SELECT id FROM messages WHERE dispatch_id = $1 ORDER BY invoice_id, id LIMIT $2 OFFSET $3
           )
           SELECT m.id, m.invoice_id, m.customer_id, m.contact_id, m.origin, m.name, m.phone, m.status,
                  m.reason, m.platform, m.platform_id, m.segments, m.created_at, m.changed_at, m.due_at,
                  CASE WHEN m.status IN ('sent', 'delivered', 'undelivered') THEN a.started_at ELSE (
                      SELECT max(t.started_at) FROM attempts t WHERE t.message_id = m.id
                      AND (t.outcome IS NULL OR t.outcome IN ('accepted', 'ambiguous'))) END AS sent_at,
                  CASE WHEN m.status IN ('undelivered', 'failed', 'uncertain') THEN
                      coalesce(CASE WHEN m.status = 'undelivered' THEN (
                                   SELECT r.code FROM receipts r
                                   WHERE r.attempt_id = a.id AND r.kind = 'undelivered'
                                   ORDER BY r.id DESC LIMIT 1) END, a.code) END AS code,
                  (SELECT count(*) FROM attempts t WHERE t.message_id = m.id) AS attempts,
                  (SELECT max(at) FROM message_events e
                   WHERE e.message_id = m.id AND e.to_status = 'delivered') AS delivered_at
           FROM page JOIN messages m ON m.id = page.id
           LEFT JOIN LATERAL (SELECT * FROM attempts t WHERE t.message_id = m.id
                              ORDER BY t.id DESC LIMIT 1) a ON true
           ORDER BY m.invoice_id, m.id""",
        dispatch_id,
        limit,
        offset,
    )


async def message_statuses(connection: Connection, dispatch_id: UUID) -> list[asyncpg.Record]:
    """Give id and status of a dispatch's messages."""
    return await connection.fetch(
        "SELECT id, status FROM messages WHERE dispatch_id = $1 ORDER BY id", dispatch_id
    )
