"""How a platform is used just now: what screens show beside its limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from disparo.db.pool import Connection

#: The last attempts looked at, whatever their platform: an id is a place in time.
_LOOKED_AT = 3000
#: Of each platform.
_ERRORS = 5
#: A message in one of these was taken by the platform of its last attempt.
_TAKEN = ["accepted", "sent", "delivered", "undelivered"]


async def last(connection: Connection) -> str | None:
    """Give the platform of the last attempt of all; None before the first."""
    name: str | None = await connection.fetchval("SELECT platform FROM attempts ORDER BY id DESC LIMIT 1")
    return name


async def pace(connection: Connection) -> dict[str, asyncpg.Record]:
    """Give by platform: hand-overs a second over ten seconds, and the mean time to an answer in ms.

    Where the last attempts looked at are all younger than that, over the time that they took.
    """
    rows = await connection.fetch(
        """WITH looked AS MATERIALIZED (
               SELECT platform, started_at, latency_ms FROM attempts ORDER BY id DESC LIMIT $1
           ), span AS (
               SELECT CASE WHEN count(*) < $1 THEN 10
                           ELSE least(10, greatest(0.5, extract(epoch FROM now() - min(started_at)))) END AS s
               FROM looked
           )
           SELECT platform,
                  (count(*) FILTER (WHERE started_at > now() - interval '10 seconds')
                   / (SELECT s FROM span))::float8 AS per_second,
                  avg(latency_ms)::float8 AS latency_ms, max(started_at) AS last_at
           FROM looked GROUP BY platform""",
        _LOOKED_AT,
    )
    return {row["platform"]: row for row in rows}


async def last_errors(connection: Connection, platforms: Sequence[str]) -> dict[str, list[asyncpg.Record]]:
    """Give by platform its latest attempts that were not accepted, among the last ones of all."""
    rows = await connection.fetch(
        """SELECT * FROM (
               SELECT platform, message_id, started_at, outcome, failure, code,
                      row_number() OVER (PARTITION BY platform ORDER BY id DESC) AS place
               FROM (SELECT * FROM attempts ORDER BY id DESC LIMIT $1) a
               WHERE outcome IS NOT NULL AND outcome NOT IN ('accepted', 'not_started')
                 AND platform = ANY($2::text[])) t
           WHERE place <= $3 ORDER BY platform, place""",
        _LOOKED_AT,
        list(platforms),
        _ERRORS,
    )
    found: dict[str, list[asyncpg.Record]] = {}
    for row in rows:
        found.setdefault(row["platform"], []).append(row)
    return found


async def taken(connection: Connection, *, since: datetime, until: datetime) -> list[asyncpg.Record]:
    """Count by platform what was handed over between two moments and taken, and how it ended.

    Gives taken, segments, delivered, undelivered, and uncertain: handed over, and nobody knows whether it
    was taken. A hand-over of which nothing was heard counts as taken once a receipt says so, and one that was
    refused once a receipt says that it arrived. Each of a message that was sent more than once is told by its
    own receipts: a platform bills them all.
    """
    # Row by row: joined, the messages' key would be read from end to end.
    return await connection.fetch(
        """SELECT platform, count(*) FILTER (WHERE taken)::int AS taken,
                  coalesce(sum(segments) FILTER (WHERE taken), 0)::int AS segments,
                  count(*) FILTER (WHERE taken AND status = 'delivered')::int AS delivered,
                  count(*) FILTER (WHERE taken AND status = 'undelivered')::int AS undelivered,
                  count(*) FILTER (WHERE NOT taken)::int AS uncertain
           FROM (SELECT a.platform, m.segments, m.status,
                        coalesce(a.outcome = 'accepted', false) OR coalesce(m.status = ANY($3), false)
                            AS taken
                 FROM attempts a LEFT JOIN LATERAL (
                     SELECT segments, CASE WHEN attempt_id = a.id AND tries < 2 THEN status ELSE coalesce(
                         (SELECT kind FROM receipts r WHERE r.attempt_id = a.id AND kind <> 'other'
                          ORDER BY kind = 'delivered' DESC, kind = 'undelivered' DESC LIMIT 1),
                         CASE WHEN attempt_id = a.id AND status = 'accepted' THEN status END) END AS status
                     FROM messages WHERE id = a.message_id LIMIT 1
                 ) m ON true
                 WHERE a.started_at >= $1 AND a.started_at < $2
                   AND (a.outcome IS NULL OR a.outcome IN ('accepted', 'ambiguous')
                        OR a.outcome <> 'not_started' AND EXISTS (
                            SELECT FROM receipts r WHERE r.attempt_id = a.id AND kind = 'delivered'))) t
           GROUP BY platform ORDER BY platform""",
        since,
        until,
        _TAKEN,
    )
