"""What was stored while somebody looked at a simulation: it may be of the same invoices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from disparo.db.pool import Connection

#: "other": serialises those who leave out whoever has had an invoice.
_OTHERS = 0x6F74686572


async def look_at_others(connection: Connection) -> None:
    """Let nobody queue for a run, until this transaction ends: who has had an invoice is what it looks at.

    Its next statement sees what was queued before, and no run that is stored bears a moment between.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _OTHERS)


async def wait_for_lookers(connection: Connection) -> None:
    """Let nobody `look_at_others` until this transaction ends: what it stores is to be seen by them."""
    await connection.execute("SELECT pg_advisory_xact_lock_shared($1)", _OTHERS)


async def moment(connection: Connection) -> datetime:
    """Give the database's time, by which dispatches are known to be later."""
    found: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return found


#: Whether a run `r` is of some of these invoices: $1 ids, or those due from $2 to $3. Beside a run by due
#: dates a list has in common what is open and due then.
_HAS_SOME = """CASE WHEN r.invoice_ids IS NULL AND $1::bigint[] IS NULL
              THEN daterange(r.due_from, r.due_to, '[]') && daterange($2::date, $3::date, '[]')
         WHEN r.invoice_ids IS NULL
              THEN EXISTS (SELECT FROM invoices i WHERE i.id = ANY($1) AND i.status = 'open'
                           AND i.due_date <@ daterange(r.due_from, r.due_to, '[]'))
         WHEN $1 IS NULL
              THEN EXISTS (SELECT FROM invoices i
                           WHERE i.id = ANY(r.invoice_ids) AND i.status = 'open'
                           AND i.due_date <@ daterange($2, $3, '[]'))
         ELSE r.invoice_ids && $1 END"""


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
        f"""SELECT EXISTS
             (SELECT FROM messages
              WHERE cardinality($1::bigint[]) = 1 AND invoice_id = $1[1] AND created_at > $5
                AND dispatch_id <> $4 AND status NOT IN ('undelivered', 'failed', 'skipped', 'cancelled'))
           OR EXISTS
             (SELECT FROM bulk_runs r JOIN dispatches d ON d.id = r.dispatch_id
              WHERE d.created_at > $5 AND r.dispatch_id <> $4 AND r.state <> 'cancelled'
                AND {_HAS_SOME})""",  # noqa: S608 - our own words
        invoice_ids,
        due_from,
        due_to,
        but_for,
        since,
    )
    return found


async def is_being_listed(
    connection: Connection,
    *,
    invoice_ids: Sequence[int] | None,
    due_from: date | None = None,
    due_to: date | None = None,
) -> bool:
    """Tell whether a bulk run is of some of these invoices, and has not messages of all of its own yet."""
    found: bool = await connection.fetchval(
        f"""SELECT EXISTS
             (SELECT FROM bulk_runs r
              WHERE r.finished_at IS NULL AND r.state IN ('running', 'paused')
                AND (r.carved_at IS NULL
                     OR EXISTS (SELECT FROM bulk_slices s WHERE s.dispatch_id = r.dispatch_id))
                AND {_HAS_SOME})""",  # noqa: S608 - our own words
        invoice_ids,
        due_from,
        due_to,
    )
    return found
