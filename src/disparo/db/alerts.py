"""What a person has to be told of, once when it begins and once when it is over."""

from __future__ import annotations

import asyncpg

from disparo.db.pool import Connection


async def raise_(connection: Connection, kind: str, subject: str, *, detail: str | None = None) -> None:
    """Note that something began; one that already goes on is not noted twice."""
    await connection.execute(
        """INSERT INTO alerts (kind, subject, detail) VALUES ($1, $2, $3)
           ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING""",
        kind,
        subject,
        detail,
    )


async def clear(connection: Connection, kind: str, subject: str) -> None:
    """Note that it is over."""
    await connection.execute(
        "UPDATE alerts SET cleared_at = now() WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL",
        kind,
        subject,
    )


async def take_untold(connection: Connection) -> list[asyncpg.Record]:
    """Lock what nobody has been told of yet, in order, inside the caller's transaction."""
    return await connection.fetch(
        """SELECT id, kind, subject, detail, raised_at, cleared_at, told_at FROM alerts
           WHERE told_at IS NULL OR (cleared_at IS NOT NULL AND told_over IS NULL)
           ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED"""
    )


async def mark_told(connection: Connection, alert_id: int, *, over: bool) -> None:
    """Note that people were told of an alert's beginning, or of its end."""
    column = "told_over" if over else "told_at"
    await connection.execute(f"UPDATE alerts SET {column} = now() WHERE id = $1", alert_id)  # noqa: S608 - two names
