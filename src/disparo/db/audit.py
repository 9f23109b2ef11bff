"""The audit log, read: whatever is asked for, an index leads to it, and a page costs what it shows."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from disparo.db.pool import Connection

_LAST = 2**63 - 1
#: Ids follow the clock but for lines that were written at the same time.
_SLACK = timedelta(minutes=1)


#: As whom a person acts: in the panel, and through the API by each of its clients.
_ACTORS = """SELECT 'user:' || $3::bigint AS actor
             UNION ALL SELECT 'client:' || id || '/user:' || $3::bigint FROM api_clients"""


async def page(
    connection: Connection,
    *,
    user_id: int | None,
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
    what = "action = $4" if action is not None else "$4::text IS NULL"
    within, order = "id < $1 AND id >= $2", "id DESC"
    if user_id is not None or action is not None:
        within, order = "-id > -$1::bigint AND -id <= -$2::bigint", "-id"
    who = "actor = a.actor" if user_id is not None else "$3::bigint IS NULL"
    statement = f"""SELECT id, at, actor, action, detail FROM audit_log
                    WHERE {within} AND {what} AND {who}
                      AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
                    ORDER BY {order} LIMIT $7"""  # noqa: S608 - our own words
    if user_id is not None:
        statement = f"""SELECT l.* FROM ({_ACTORS}) a CROSS JOIN LATERAL ({statement}) l
                        ORDER BY l.id DESC LIMIT $7"""  # noqa: S608 - our own words
    return await connection.fetch(statement, top, bottom, user_id, action, since, until, limit + 1)


async def _first_id_since(connection: Connection, moment: datetime) -> int:
    """Give the lowest id of the first few: of two at the same time the first may have the higher one."""
    found: int | None = await connection.fetchval(
        "SELECT min(id) FROM (SELECT id FROM audit_log WHERE at >= $1 ORDER BY at, id LIMIT 5) first", moment
    )
    return _LAST if found is None else found
