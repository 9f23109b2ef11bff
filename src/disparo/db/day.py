"""The figures of a day: what reached which status, by hour and platform."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from disparo.db.pool import Connection, sql

#: So many are counted; there may be more.
MOST = 10_000


async def read(connection: Connection, *, since: datetime, zone: str) -> list[asyncpg.Record]:
    """Give hour, platform, status ('new': stored) and total of what happened since a moment."""
    return await connection.fetch(sql("day_figures"), since, zone)


async def fold(connection: Connection) -> None:
    """Fold events into figures, up to a minute and a half ago."""
    await connection.execute(sql("unfold_events"))
    while await connection.fetchval(sql("fold_events")):
        pass


async def needing_a_person(connection: Connection) -> dict[str, int]:
    """Count uncertain and held messages, `MOST` of each at most."""
    rows = await connection.fetch(
        """SELECT s.status, (SELECT count(*) FROM (SELECT FROM messages m WHERE m.trouble = s.status
                                                    LIMIT $1) t) AS total
           FROM unnest(ARRAY['uncertain', 'held']) AS s (status)""",
        MOST,
    )
    return {row["status"]: row["total"] for row in rows}
