"""Counts for metrics and screens: only what partial indexes answer quickly."""

from __future__ import annotations

from disparo.db.pool import Connection

_OPEN = ("queued", "claimed", "sending", "uncertain", "held")


async def count_open(connection: Connection) -> dict[str, int]:
    """Count messages that wait, are in work or need a person, by status; 0 where there is none."""
    rows = await connection.fetch(
        """SELECT status, count(*) AS total FROM messages
           WHERE status IN ('queued', 'claimed', 'sending', 'uncertain', 'held') GROUP BY status"""
    )
    return {**dict.fromkeys(_OPEN, 0), **{row["status"]: row["total"] for row in rows}}


async def count_workers(connection: Connection) -> int:
    """Count registered workers."""
    total: int = await connection.fetchval("SELECT count(*) FROM workers")
    return total
