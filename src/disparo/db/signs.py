"""Signs of trouble that nobody noticed, read from the tables now and then."""

from __future__ import annotations

from datetime import datetime

from disparo.db.pool import Connection

#: So many hand-overs of a platform, or receipts, are looked at; none with fewer than so many says anything.
_LOOKED_AT, _ENOUGH = 500, 20
#: Of all together: a platform with few is seen beside one with many.
_READ = 20_000


async def try_duty(connection: Connection) -> bool:
    """Take the right to look, for this transaction; False where another worker has it."""
    mine: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('disparo:alerts'))")
    return mine


async def silent_platforms(connection: Connection) -> dict[str, bool]:
    """Tell, of each platform with enough hand-overs 30 to 90 minutes ago, whether none of them got a receipt.

    Messages are looked up one by one: for a join, all of them were read.
    """
    rows = await connection.fetch(
        """SELECT a.platform,
                  bool_and((SELECT m.status FROM messages m WHERE m.id = a.message_id) = 'accepted') AS silent
           FROM (SELECT platform, message_id, row_number() OVER (PARTITION BY platform) AS place
                 FROM (SELECT platform, message_id FROM attempts
                       WHERE started_at BETWEEN now() - interval '90 min' AND now() - interval '30 min'
                         AND outcome = 'accepted' LIMIT $3) read) a
           WHERE a.place <= $1
           GROUP BY a.platform HAVING count(*) >= $2""",
        _LOOKED_AT,
        _ENOUGH,
        _READ,
    )
    return {row["platform"]: row["silent"] for row in rows}


async def was_heard_since(connection: Connection, platform: str, since: datetime) -> bool:
    """Tell whether one of the newest receipts is of a hand-over through a platform, since a moment."""
    found: bool = await connection.fetchval(
        """SELECT EXISTS (SELECT FROM (SELECT platform, attempt_id, received_at FROM receipts
                                       ORDER BY id DESC LIMIT $3) r
                          WHERE platform = $1 AND attempt_id IS NOT NULL AND received_at > $2)""",
        platform,
        since,
        _READ,
    )
    return found


async def platforms_without_credit(connection: Connection) -> dict[str, bool]:
    """Tell of each platform with receipts of late whether the newest hand-over they are of failed for credit.

    Some take everything, and only in their receipts say that the credit is gone.
    """
    rows = await connection.fetch(
        """SELECT DISTINCT ON (platform) platform, coalesce(failure = 'credit', false) AS without
           FROM (SELECT platform, kind, failure, attempt_id FROM receipts ORDER BY id DESC LIMIT $1) r
           WHERE attempt_id IS NOT NULL AND kind <> 'other'
           ORDER BY platform, attempt_id DESC""",
        _LOOKED_AT,
    )
    return {row["platform"]: row["without"] for row in rows}


async def is_contradicted(connection: Connection, message_id: int, *, within_s: float) -> bool:
    """Tell whether a receipt of late contradicted what had become of a message."""
    found: bool = await connection.fetchval(
        """SELECT EXISTS (SELECT FROM attempts a JOIN receipts r ON r.attempt_id = a.id
                          WHERE a.message_id = $1 AND r.result = 'contradiction'
                            AND r.applied_at > now() - make_interval(secs => $2))""",
        message_id,
        within_s,
    )
    return found


async def stuck_since(connection: Connection, *, after_s: float) -> datetime | None:
    """Give since when due messages wait, if that is long and none is handed over meanwhile.

    A later try does not count as waiting for a reason: a look in vain sets one. Sending hours and pauses
    do.
    """
    since: datetime | None = await connection.fetchval(
        """SELECT least(
               (SELECT min(w.since) FROM waiting_chunks c
                CROSS JOIN LATERAL (
                    SELECT CASE WHEN m.reason IN ('paused', 'outside_window', 'platform_hours')
                                THEN m.due_at ELSE m.wait_since END AS since
                    FROM messages m WHERE m.chunk_id = c.chunk_id AND m.status = 'queued') w
                WHERE c.due_at < now() + interval '70 min' AND w.since < now() - make_interval(secs => $1)),
               (SELECT min(greatest(c.due_at, r.resumed_at))
                FROM bulk_chunks c JOIN bulk_runs r ON r.dispatch_id = c.dispatch_id
                WHERE r.finished_at IS NULL AND r.state = 'running'
                  AND greatest(c.due_at, r.resumed_at) < now() - make_interval(secs => $1)))
           WHERE NOT EXISTS (SELECT FROM (SELECT started_at FROM attempts ORDER BY id DESC LIMIT 1000) a
                             -- not of a time to come: the clock was set back since
                             WHERE started_at > now() - make_interval(secs => $1)
                               AND started_at < now() + interval '1 min')""",
        after_s,
    )
    return since
