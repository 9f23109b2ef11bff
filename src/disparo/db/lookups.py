"""The life of single messages, for a person who asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from disparo.db.pool import Connection


@dataclass(frozen=True, slots=True)
class Life:
    """A message, its changes, its attempts and their receipts, each in order of time."""

    message: asyncpg.Record
    events: Sequence[asyncpg.Record]
    attempts: Sequence[asyncpg.Record]
    receipts: Sequence[asyncpg.Record] = ()
    replies: Sequence[asyncpg.Record] = ()


async def lives(
    connection: Connection, *, e164: str | None = None, invoice_id: int | None = None, limit: int
) -> list[Life]:
    """Read the messages of a number, or of an invoice, the newest first."""
    # Plans are made once: a condition for either of the two would lead to the index of neither.
    column, wanted = ("e164", e164) if e164 is not None else ("invoice_id", invoice_id)
    rows = await connection.fetch(
        f"""SELECT m.*, r.state AS run_state,
                  d.cancelled_at IS NOT NULL OR coalesce(r.state = 'cancelled', false) AS is_withdrawn,
                  EXISTS (SELECT FROM opt_outs o WHERE o.e164 = m.e164) AS opted_out
           FROM messages m JOIN dispatches d ON d.id = m.dispatch_id
           LEFT JOIN bulk_runs r ON r.dispatch_id = m.dispatch_id
           WHERE m.{column} = $1
           ORDER BY m.created_at DESC, m.id DESC LIMIT $2""",  # noqa: S608 - one of two names of our own
        wanted,
        limit,
    )
    ids = [row["id"] for row in rows]
    events = await _events(connection, ids)
    attempts = await connection.fetch(
        "SELECT * FROM attempts WHERE message_id = ANY($1::bigint[]) ORDER BY id", ids
    )
    receipts = await _receipts(connection, attempts)
    events_of, attempts_of, receipts_of = _by_message(events), _by_message(attempts), _by_message(receipts)
    return [Life(row, *(of[row["id"]] for of in (events_of, attempts_of, receipts_of))) for row in rows]


async def _events(connection: Connection, ids: Sequence[int]) -> list[asyncpg.Record]:
    return await connection.fetch(
        """SELECT id, message_id, at, from_status, to_status, actor, reason, attempt_id
           FROM message_events WHERE message_id = ANY($1::bigint[])
           UNION ALL  -- the first event of a bulk run's message is in its own row
           SELECT 0, m.id, m.created_at, NULL, 'queued', r.actor, NULL, NULL
           FROM messages m JOIN bulk_runs r ON r.dispatch_id = m.dispatch_id WHERE m.id = ANY($1::bigint[])
           ORDER BY id""",
        ids,
    )


async def _receipts(connection: Connection, attempts: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    return await connection.fetch(
        """SELECT r.id, a.message_id, r.platform, r.platform_id, r.kind, r.code, r.failure, r.carrier,
                  r.happened_at, r.received_at, r.result
           FROM receipts r JOIN attempts a ON a.id = r.attempt_id
           WHERE r.attempt_id = ANY($1::bigint[]) ORDER BY r.id""",
        [row["id"] for row in attempts],
    )


async def one(connection: Connection, message_id: int) -> asyncpg.Record | None:
    """Read one message with what its page says of its dispatch, customer, invoice and number."""
    return await connection.fetchrow(
        """SELECT m.*, d.kind, d.purpose, d.client_id, d.user_id, i.amount, i.due_date,
                  i.status AS invoice_status, i.paid_at, c.name AS customer_name, r.state AS run_state,
                  d.cancelled_at IS NOT NULL OR coalesce(r.state = 'cancelled', false) AS is_withdrawn,
                  EXISTS (SELECT FROM opt_outs o WHERE o.e164 = m.e164) AS opted_out,
                  b.platform AS wrong_says, b.created_at AS wrong_since
           FROM messages m JOIN dispatches d ON d.id = m.dispatch_id
           LEFT JOIN bulk_runs r ON r.dispatch_id = d.id
           LEFT JOIN bad_numbers b ON b.e164 = m.e164
           LEFT JOIN invoices i ON i.id = m.invoice_id LEFT JOIN customers c ON c.id = m.customer_id
           WHERE m.id = $1""",
        message_id,
    )


async def life(connection: Connection, message: asyncpg.Record) -> Life:
    """Read a message's changes, attempts, receipts and what the customer answered."""
    events = await _events(connection, [message["id"]])
    attempts = await connection.fetch(
        "SELECT * FROM attempts WHERE message_id = $1 ORDER BY id", message["id"]
    )
    receipts = await _receipts(connection, attempts)
    replies = await connection.fetch(
        """SELECT platform, text, opted_out, received_at FROM inbound_texts
           WHERE e164 = $1 AND message_id = $2 ORDER BY id""",
        message["e164"],
        message["id"],
    )
    return Life(message, events, attempts, receipts, replies)


async def raw_receipts(connection: Connection, message_id: int) -> list[asyncpg.Record]:
    """Read a message's receipts as its platform sent them."""
    return await connection.fetch(
        """SELECT r.platform, r.received_at, r.raw FROM attempts a JOIN receipts r ON r.attempt_id = a.id
           WHERE a.message_id = $1 ORDER BY r.id""",
        message_id,
    )


def _by_message(rows: Sequence[asyncpg.Record]) -> defaultdict[int, list[asyncpg.Record]]:
    found: defaultdict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        found[row["message_id"]].append(row)
    return found
