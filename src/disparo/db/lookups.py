"""The life of single messages, for a person who asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from disparo.db.pool import Connection


@dataclass(frozen=True, slots=True)
class Life:
    """A message, its changes and its attempts, each in order of time."""

    message: asyncpg.Record
    events: Sequence[asyncpg.Record]
    attempts: Sequence[asyncpg.Record]


async def lives(
    connection: Connection, *, e164: str | None = None, invoice_id: int | None = None, limit: int
) -> list[Life]:
    """Read the messages of a number, or of an invoice, the newest first."""
    rows = await connection.fetch(
        """SELECT * FROM messages
           WHERE ($1::text IS NULL OR e164 = $1) AND ($2::bigint IS NULL OR invoice_id = $2)
           ORDER BY created_at DESC, id DESC LIMIT $3""",
        e164,
        invoice_id,
        limit,
    )
    ids = [row["id"] for row in rows]
    events = await connection.fetch(
        """SELECT id, message_id, at, from_status, to_status, actor, reason, attempt_id
           FROM message_events WHERE message_id = ANY($1::bigint[])
           UNION ALL  -- the first event of a bulk run's message is in its own row
           SELECT 0, m.id, m.created_at, NULL, 'queued', r.actor, NULL, NULL
           FROM messages m JOIN bulk_runs r ON r.dispatch_id = m.dispatch_id WHERE m.id = ANY($1::bigint[])
           ORDER BY id""",
        ids,
    )
    attempts = await connection.fetch(
        "SELECT * FROM attempts WHERE message_id = ANY($1::bigint[]) ORDER BY id", ids
    )
    events_of, attempts_of = _by_message(events), _by_message(attempts)
    return [Life(row, events_of[row["id"]], attempts_of[row["id"]]) for row in rows]


def _by_message(rows: Sequence[asyncpg.Record]) -> defaultdict[int, list[asyncpg.Record]]:
    found: defaultdict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        found[row["message_id"]].append(row)
    return found
