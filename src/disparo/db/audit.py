"""The audit log, read."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from disparo.db.pool import Connection

#: How many lines one page looks through where it looks for one kind of act.
_WINDOW = 20_000
_LAST = 2**63 - 1


async def page(
    connection: Connection,
    *,
    actor: str | None,
    action: str | None,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
) -> list[asyncpg.Record]:
    """List who did what, the newest first; one more than `limit` where there are."""
    return await connection.fetch(
        f"""SELECT * FROM (SELECT id, at, actor, action, detail FROM audit_log
                          WHERE id < $1 AND {"$2::text IS NULL" if actor is None else "actor = $2"}
                          ORDER BY id DESC LIMIT $6) a
           WHERE ($3::text IS NULL OR action = $3) AND ($4::timestamptz IS NULL OR at >= $4)
             AND ($5::timestamptz IS NULL OR at < $5)
           ORDER BY id DESC LIMIT $7""",  # noqa: S608 - our own words
        before or _LAST,
        actor,
        action,
        since,
        until,
        _WINDOW,
        limit + 1,
    )
