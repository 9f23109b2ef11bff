"""The audit log, read: whatever is asked for, an index leads to it, and a page costs what it shows."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from disparo.db.pool import Connection

_LAST = 2**63 - 1
#: Ids follow the clock but for lines that were written at the same time.
_SLACK = timedelta(minutes=1)


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
    top = before or _LAST
    if until is not None:
        top = min(top, await _first_id_since(connection, until + _SLACK))
    bottom = 0 if since is None else await _first_id_since(connection, since - _SLACK)
    # Plans are made once: a condition that may be none leads to no index. For the order see migration 0025.
    who = "actor = $3" if actor is not None else "$3::text IS NULL"
    what = "action = $4" if action is not None else "$4::text IS NULL"
    within, order = "id < $1 AND id >= $2", "id DESC"
    if actor is not None or action is not None:
        within, order = "-id > -$1::bigint AND -id <= -$2::bigint", "-id"
    return await connection.fetch(
        f"""SELECT id, at, actor, action, detail FROM audit_log
            WHERE {within} AND {who} AND {what}
              AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
            ORDER BY {order} LIMIT $7""",  # noqa: S608 - our own words
        top,
        bottom,
        actor,
        action,
        since,
        until,
        limit + 1,
    )


async def _first_id_since(connection: Connection, moment: datetime) -> int:
    found: int | None = await connection.fetchval(
        "SELECT id FROM audit_log WHERE at >= $1 ORDER BY at, id LIMIT 1", moment
    )
    return _LAST if found is None else found
