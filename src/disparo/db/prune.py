"""Rows whose time has run out: small slices, each found by an index and in the order of age.

Every function does one slice in the caller's transaction and gives how many rows that was; fewer than asked
for means that nothing is left for now.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from disparo.db.pool import Connection, affected

#: Tables whose rows are simply deleted, and which of them have run out.
SHORT_LIVED: dict[str, str] = {
    # An answer names people.
    "idempotency_keys": "created_at < now() - interval '24 hours' OR created_at > now() + interval '1 day'",
    "access_tokens": "expires_at < now() - interval '1 day'",
    "refresh_tokens": "expires_at < now() - interval '1 day'",
    "rate_limits": "tat < now() - interval '1 hour'",
    "extra_phone_use": "day < current_date - 7",
    "panel_sessions": "seen_at < now() - interval '1 day' OR seen_at > now() + interval '1 day'",
    "uploads": "created_at < now() - interval '1 day' OR created_at > now() + interval '1 day'",
    "event_figures": "from_at < now() - interval '40 days'",
    "bulk_figures": "at < now() - interval '40 days'",
    "phone_turns": "at < now() - interval '8 days' OR at > now() + interval '1 day'",
    "platform_day_use": "bucket < now() - interval '2 days'",
    "alerts": "cleared_at < now() - interval '1 year'",
    # Named by receipts of messages that were never ours.
    "platform_messages": "attempt_id IS NULL AND created_at < now() - interval '30 days'",
    "bulk_turns": "dispatch_id IN (SELECT dispatch_id FROM bulk_runs WHERE finished_at IS NOT NULL)",
}

#: A clock further ahead of the last look at it was set, or nobody looked; it is believed after so long.
_LEAP_S, _BELIEVED_AFTER_S = 3600, 6 * 3600

#: Of what still waits, or is under way, nothing goes.
_OPEN = ["queued", "claimed", "sending", "held"]


@dataclass(frozen=True, slots=True)
class _Text:
    """What people wrote or read; it is as old as a row of a table whose ids go with time."""

    table: str
    at: str
    empty: str  # what goes with the rows $1 to $2


#: Personal texts. What was sent is left as a hash: it proves the text to whoever still has it.
TEXTS: dict[str, _Text] = {
    # Written when a message is sent, which may be long after it was stored.
    "sent_texts": _Text(
        "attempts",
        "started_at",
        """UPDATE messages SET text_sha256 = sha256(convert_to(text, 'UTF8')), text = NULL
           WHERE id = ANY(ARRAY(SELECT message_id FROM attempts WHERE id BETWEEN $1 AND $2))
             AND attempt_id <= $2 AND text IS NOT NULL""",
    ),
    "answers": _Text(
        "attempts",
        "started_at",
        "UPDATE attempts SET detail = NULL WHERE id BETWEEN $1 AND $2 AND detail IS NOT NULL",
    ),
    "raw_receipts": _Text(
        "receipts", "received_at", "UPDATE receipts SET raw = '' WHERE id BETWEEN $1 AND $2 AND raw <> ''"
    ),
    # An opt-out's own words prove it (see erasure.py).
    "replies": _Text(
        "inbound_texts",
        "received_at",
        """UPDATE inbound_texts SET raw = '', text = CASE WHEN opted_out THEN text ELSE '' END
           WHERE id BETWEEN $1 AND $2""",
    ),
}
#: Tables deleted whole when the evidence's time is over, in the order of their ids, and what tells their age.
EVIDENCE = {"receipts": "received_at", "inbound_texts": "received_at", "audit_log": "at"}


async def is_our_turn(connection: Connection) -> bool:
    """Tell whether no other process prunes; ours until the transaction ends."""
    ours: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended('prune', 0))")
    return ours


async def is_clock_steady(connection: Connection) -> bool:
    """Tell whether the clock stands where it may; asked every minute or so, in the process whose turn it is.

    One that was set ahead, as at the start of a machine whose own clock is wrong, would have years of
    evidence deleted in a moment. So a leap is believed only when it has lasted; that nobody asked for days
    is one too.
    """
    now: int = await connection.fetchval("SELECT extract(epoch FROM now())::bigint")
    seen, leapt = [
        await connection.fetchval("SELECT upto FROM housekeeping WHERE job = $1", job)
        for job in ("clock_seen", "clock_leapt")
    ]
    is_leap = seen is not None and now - seen > _LEAP_S
    if is_leap and (leapt is None or now < leapt):
        await _note(connection, "clock_leapt", now)
        return False
    if is_leap and now - leapt < _BELIEVED_AFTER_S:
        return False
    await _note(connection, "clock_seen", now)
    await connection.execute("DELETE FROM housekeeping WHERE job = 'clock_leapt'")
    return True


async def delete_expired(connection: Connection, what: str, limit: int) -> int:
    """Delete a slice of one kind of `SHORT_LIVED`."""
    return affected(
        await connection.execute(
            f"DELETE FROM {what} WHERE ctid = ANY(ARRAY("  # noqa: S608 - our own names
            f"SELECT ctid FROM {what} WHERE {SHORT_LIVED[what]} LIMIT $1))",
            limit,
        )
    )


async def empty_texts(connection: Connection, what: str, *, days: int, limit: int) -> int:
    """Empty a slice of one kind of `TEXTS` that is older than so many days; gives the rows gone through.

    The first row that is younger ends the slice: what is passed is never looked at again. One of a time to
    come was stored with a wrong clock: it is as old as its neighbours.
    """
    text = TEXTS[what]
    row = await connection.fetchrow(
        f"""WITH begin AS MATERIALIZED (
                SELECT coalesce((SELECT upto FROM housekeeping WHERE job = $1), 0) AS after
            ), page AS MATERIALIZED (
                SELECT id, {text.at} < now() - make_interval(days => $2) AS is_old FROM {text.table}
                WHERE id > (SELECT after FROM begin) AND {text.at} <= now() ORDER BY id LIMIT $3
            ), old AS (
                SELECT id FROM page
                WHERE id < coalesce((SELECT min(id) FROM page WHERE NOT is_old), 9223372036854775807)
            )
            SELECT count(*) AS count, (SELECT after + 1 FROM begin) AS first, max(id) AS last
            FROM old""",  # noqa: S608 - our own names
        what,
        days,
        limit,
    )
    if row is None or not row["count"]:
        return 0
    await connection.execute(text.empty, row["first"], row["last"])
    await _note(connection, what, row["last"])
    return int(row["count"])


async def delete_old_evidence(connection: Connection, table: str, *, days: int, limit: int) -> int:
    """Delete a slice of a table of `EVIDENCE` older than so many days.

    The slice is named first: joined with it, the whole table was read.
    """
    at = EVIDENCE[table]
    return affected(
        await connection.execute(
            f"""DELETE FROM {table} WHERE {at} < now() - make_interval(days => $1)
                AND id = ANY(ARRAY(SELECT id FROM {table} WHERE {at} <= now() ORDER BY id LIMIT $2))""",  # noqa: S608 - our own names
            days,
            limit,
        )
    )


async def delete_old_marks(connection: Connection, *, days: int, limit: int) -> int:
    """Delete a slice of what platforms said of wrong numbers, and have not said again for so many days."""
    return affected(
        await connection.execute(
            """DELETE FROM bad_numbers WHERE created_at < now() - make_interval(days => $1)
               AND e164 = ANY(ARRAY(SELECT e164 FROM bad_numbers
                                    WHERE created_at < now() - make_interval(days => $1) LIMIT $2))""",
            days,
            limit,
        )
    )


async def delete_old_dispatches(connection: Connection, *, days: int, limit: int) -> int:
    """Delete messages of the oldest dispatches older than so many days; triggers delete what hangs on them.

    What still waits stays, and its dispatch, which keeps no younger one from going. A dispatch whose messages
    are all gone goes too. Gives how many of both went.
    """
    # Each LIMIT makes its look one by index: without it all messages there are were read for every slice.
    dispatches = await _ids(
        connection,
        """SELECT id FROM dispatches d WHERE created_at < now() - make_interval(days => $1)
           AND NOT EXISTS (SELECT FROM bulk_runs WHERE dispatch_id = d.id AND finished_at IS NULL)
           AND ((SELECT true FROM messages m WHERE m.dispatch_id = d.id AND m.status <> ALL($3) LIMIT 1)
                OR (SELECT true FROM messages m WHERE m.dispatch_id = d.id LIMIT 1) IS NULL)
           ORDER BY created_at, id LIMIT $2""",
        days,
        limit,
        _OPEN,
    )
    messages = await _ids(
        connection,
        """SELECT id FROM messages WHERE dispatch_id = ANY($1::uuid[]) AND status <> ALL($3)
           ORDER BY dispatch_id, invoice_id LIMIT $2""",
        dispatches,
        limit,
        _OPEN,
    )
    await connection.execute(
        """DELETE FROM platform_messages p USING attempts a WHERE a.message_id = ANY($1::bigint[])
           AND p.platform = a.platform AND p.platform_id = a.platform_id""",
        messages,
    )
    # A run's messages are counted in sums, a single call's where they are. What was uncertain may have been
    # sent again since it was found.
    await connection.execute(
        """WITH gone AS (
               DELETE FROM messages WHERE id = ANY($1::bigint[]) AND status <> ALL($2)
               RETURNING dispatch_id, status, chunk_id
           )
           INSERT INTO dispatch_counts (dispatch_id, status, delta)
           SELECT dispatch_id, status, -count(*) FROM gone WHERE chunk_id < 0 GROUP BY 1, 2""",
        messages,
        _OPEN,
    )
    gone = await _ids(
        connection,
        """DELETE FROM dispatches d WHERE d.id = ANY($1::uuid[])
           AND NOT EXISTS (SELECT FROM messages m WHERE m.dispatch_id = d.id) RETURNING d.id""",
        dispatches,
    )
    return len(messages) + len(gone)


async def _ids(connection: Connection, query: str, *arguments: object) -> list[object]:
    rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
    return [row["id"] for row in rows]


async def _note(connection: Connection, job: str, upto: int) -> None:
    await connection.execute(
        "INSERT INTO housekeeping (job, upto) VALUES ($1, $2) "
        "ON CONFLICT (job) DO UPDATE SET upto = excluded.upto",
        job,
        upto,
    )
