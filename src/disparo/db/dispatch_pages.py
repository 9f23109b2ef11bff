"""Pages of dispatches for screens, by keys, and the figures of one."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from disparo.db.message_pages import LAST_ID, NOT_ARRIVED
from disparo.db.pool import Connection, sql
from disparo.db.where import AFTER_ALL, BEFORE_ALL

#: Of how many of a dispatch's messages that did not arrive the reasons are counted.
LOOKED_AT = 5000
_FIRST_ID = UUID(int=0)
#: A message's id follows the clock, and its dispatch is stored before it.
_SLACK = timedelta(minutes=1)
_BY_REASON = (
    "SELECT status, reason, count(*)::int AS total FROM ({}) m GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 50"
)


async def page(
    connection: Connection,
    *,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """List dispatches, the newest first, each with its counts (JSON); one more than `limit`."""
    end = (until or AFTER_ALL, _FIRST_ID)
    of_kind = {"bulk": "AND d.kind = 'bulk'", "single": "AND d.kind = 'single'"}.get(kind or "", "")
    return await connection.fetch(
        f"""SELECT d.id, d.kind, d.purpose, coalesce(d.invoice_ids[1], r.invoice_ids[1]) AS invoice_id,
                  coalesce(r.total, cardinality(r.invoice_ids), cardinality(d.invoice_ids)) AS invoices,
                  r.state, r.actor, r.due_from, r.due_to, d.created_at, d.starts_at, d.client_id, d.user_id,
                  (SELECT json_object_agg(status, total) FROM counts_of(d.id, d.kind)) AS counts
           FROM dispatches d LEFT JOIN bulk_runs r ON r.dispatch_id = d.id
           WHERE d.created_at >= $1 AND (d.created_at, d.id) < ($2, $3) {of_kind}
           ORDER BY d.created_at DESC, d.id DESC LIMIT $4""",  # noqa: S608 - our own words
        since or BEFORE_ALL,
        *min(before or end, end),
        limit + 1,
    )


async def counts(connection: Connection, dispatch_id: UUID) -> dict[str, int]:
    """Count a dispatch's messages by status."""
    rows = await connection.fetch(
        """SELECT c.status, c.total FROM dispatches d, counts_of(d.id, d.kind) c
           WHERE d.id = $1 AND c.total > 0""",
        dispatch_id,
    )
    return {row["status"]: row["total"] for row in rows}


async def next_of_single(connection: Connection, dispatch_id: UUID) -> asyncpg.Record:
    """Give when the next of a single call's messages may go (None: none waits), and what it was put off for.

    `starts_at`: when the call was to go; `is_withdrawn`: not any more.
    """
    row = await connection.fetchrow(
        """SELECT d.starts_at, d.cancelled_at IS NOT NULL AS is_withdrawn, m.due_at AS next_at,
                  m.reason AS waits_for
           FROM dispatches d LEFT JOIN LATERAL
             (SELECT due_at, reason FROM messages WHERE dispatch_id = d.id AND status = 'queued'
              ORDER BY due_at, id LIMIT 1) m ON true
           WHERE d.id = $1""",
        dispatch_id,
    )
    assert row is not None  # noqa: S101 - for the type checker: whoever asks has seen the dispatch
    return row


async def reasons(connection: Connection, dispatch_id: UUID) -> list[asyncpg.Record]:
    """Count messages that did not arrive by status and reason, the first of them at most; none cancelled.

    A cancelled run may have a million of those: its others are found by status, as many as are counted, from
    the run's first id on. (By the dispatch, or by the ids alone, all would be read.)
    """
    cancelled_since: datetime | None = await connection.fetchval(
        """SELECT d.created_at FROM dispatches d, counts_of(d.id, d.kind) c
           WHERE d.id = $1 AND c.status = 'cancelled'""",
        dispatch_id,
    )
    if cancelled_since is None:
        return await connection.fetch(
            _BY_REASON.format(
                """SELECT status, reason FROM messages WHERE dispatch_id = $1 AND trouble IS NOT NULL
                   ORDER BY invoice_id, e164 LIMIT $2"""
            ),
            dispatch_id,
            LOOKED_AT,
        )
    first_id = await connection.fetchval(sql("first_message_since"), cancelled_since - _SLACK)
    return await connection.fetch(
        _BY_REASON.format(
            """SELECT m.status, m.reason FROM dispatches d, counts_of(d.id, d.kind) c CROSS JOIN LATERAL
                 (SELECT status, reason FROM messages
                  WHERE trouble IS NOT NULL AND (trouble, id) BETWEEN (c.status, $3) AND (c.status, $5)
                        AND dispatch_id IS NOT DISTINCT FROM $1
                  ORDER BY trouble, id LIMIT greatest(c.total, 0)) m
               WHERE d.id = $1 AND c.status = ANY($4::text[]) LIMIT $2"""
        ),
        dispatch_id,
        LOOKED_AT,
        first_id,
        list(NOT_ARRIVED),
        LAST_ID,
    )
