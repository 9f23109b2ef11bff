"""What was stored while somebody looked at a simulation: it may be of the same invoices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from disparo.db.pool import Connection


async def moment(connection: Connection) -> datetime:
    """Give the database's time, by which dispatches are known to be later."""
    found: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return found


async def stored_since(
    connection: Connection,
    since: datetime,
    *,
    but_for: UUID,
    invoice_ids: Sequence[int] | None,
    due_from: date | None,
    due_to: date | None,
) -> bool:
    """Tell whether another dispatch of some of these invoices was stored since a moment, and may go.

    A single invoice may have gone by any way. Of lists, only runs count: single calls come all the time, and
    a long list could never be sent.
    """
    found: bool = await connection.fetchval(
        """SELECT EXISTS
             (SELECT FROM messages
              WHERE cardinality($3::bigint[]) = 1 AND invoice_id = $3[1] AND created_at > $1
                AND dispatch_id <> $2 AND status NOT IN ('undelivered', 'failed', 'skipped', 'cancelled'))
           OR EXISTS
             (SELECT FROM bulk_runs r JOIN dispatches d ON d.id = r.dispatch_id
              WHERE d.created_at > $1 AND r.dispatch_id <> $2 AND r.state <> 'cancelled'
                AND (r.invoice_ids && $3 OR (r.invoice_ids IS NULL AND $3 IS NULL
                     AND daterange(r.due_from, r.due_to, '[]') && daterange($4, $5, '[]'))))""",
        since,
        but_for,
        invoice_ids,
        due_from,
        due_to,
    )
    return found
