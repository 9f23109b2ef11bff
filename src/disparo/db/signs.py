"""Signs that something is wrong and nobody noticed: read now and then, by few workers."""

from __future__ import annotations

from datetime import datetime

from disparo.db.pool import Connection

#: Hand-overs of this stretch of time are looked at; none with fewer than so many says anything.
_LOOKED_AT, _ENOUGH = 500, 20


async def try_duty(connection: Connection) -> bool:
    """Take the watch for this transaction; False where another worker has it."""
    mine: bool = await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('disparo:alerts'))")
    return mine


async def silent_platforms(connection: Connection) -> dict[str, bool]:
    """Tell of each platform with enough hand-overs 30 to 90 minutes ago whether not one got a receipt."""
    rows = await connection.fetch(
        """SELECT a.platform, bool_and(m.status = 'accepted') AS silent
           FROM (SELECT platform, message_id FROM attempts
                 WHERE started_at BETWEEN now() - interval '90 min' AND now() - interval '30 min'
                   AND outcome = 'accepted' LIMIT $1) a
           JOIN messages m ON m.id = a.message_id
           GROUP BY a.platform HAVING count(*) >= $2""",
        _LOOKED_AT,
        _ENOUGH,
    )
    return {row["platform"]: row["silent"] for row in rows}


async def stuck_since(connection: Connection, *, after_s: float) -> datetime | None:
    """Give since when messages are due, if they have been for so long and none is handed over meanwhile."""
    since: datetime | None = await connection.fetchval(
        """SELECT min(due_at) FROM messages
           WHERE status = 'queued' AND due_at < now() - make_interval(secs => $1)
             AND NOT EXISTS (SELECT FROM attempts WHERE started_at > now() - make_interval(secs => $1))""",
        after_s,
    )
    return since
