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
    a long list could never be sent. Beside a run by due dates a list has in common what is open and due then.
    """
    found: bool = await connection.fetchval(
        """SELECT EXISTS
             (SELECT FROM messages
              WHERE cardinality($3::bigint[]) = 1 AND invoice_id = $3[1] AND created_at > $1
                AND dispatch_id <> $2 AND status NOT IN ('undelivered', 'failed', 'skipped', 'cancelled'))
           OR EXISTS
             (SELECT FROM bulk_runs r JOIN dispatches d ON d.id = r.dispatch_id
              WHERE d.created_at > $1 AND r.dispatch_id <> $2 AND r.state <> 'cancelled'
                AND CASE WHEN r.invoice_ids IS NULL AND $3 IS NULL
                         THEN daterange(r.due_from, r.due_to, '[]') && daterange($4, $5, '[]')
                    WHEN r.invoice_ids IS NULL
                         THEN EXISTS (SELECT FROM invoices i WHERE i.id = ANY($3) AND i.status = 'open'
                                      AND i.due_date <@ daterange(r.due_from, r.due_to, '[]'))
                    WHEN $3 IS NULL
                         THEN EXISTS (SELECT FROM invoices i
                                      WHERE i.id = ANY(r.invoice_ids) AND i.status = 'open'
                                      AND i.due_date <@ daterange($4, $5, '[]'))
                    ELSE r.invoice_ids && $3 END)""",
        since,
        but_for,
        invoice_ids,
        due_from,
        due_to,
    )
    return found
