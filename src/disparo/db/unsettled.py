"""Messages that wait for a person: uncertain and held ones, and what makes all that wait so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from disparo.db.pool import Connection, affected, sql


async def hold_waiting(connection: Connection, *, reason: str) -> tuple[int, int]:
    """Hold all that waits, call uncertain all that may have left; gives both counts (docs/delivery.md §8)."""
    held = await connection.execute(sql("hold_waiting"), reason)
    uncertain = await connection.execute(sql("lose_started"), reason)
    return affected(held), affected(uncertain)


async def list_uncertain(
    connection: Connection,
    *,
    platform: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: int = 0,
    limit: int = 1000,
) -> list[asyncpg.Record]:
    """List uncertain messages with ids above `after`, oldest first."""
    return await connection.fetch(
        """SELECT m.id, m.dispatch_id, m.invoice_id, m.phone, m.e164, m.platform, m.reason, m.changed_at,
                  a.started_at
           FROM messages m JOIN attempts a ON a.id = m.attempt_id
           WHERE m.trouble IS NOT NULL AND (m.trouble, m.id) > ('uncertain', $4) AND m.trouble <= 'uncertain'
             AND ($1::text IS NULL OR m.platform = $1)
             AND ($2::timestamptz IS NULL OR a.started_at >= $2)
             AND ($3::timestamptz IS NULL OR a.started_at < $3)
           ORDER BY m.trouble, m.id LIMIT $5  -- of many, by id alone all other messages would be read too""",
        platform,
        since,
        until,
        after,
        limit,
    )


async def list_held(connection: Connection, *, after: int = 0, limit: int) -> list[asyncpg.Record]:
    """List held messages with ids above `after`, oldest first."""
    return await connection.fetch(
        """SELECT id, dispatch_id, invoice_id, phone, reason, changed_at FROM messages
           WHERE trouble IS NOT NULL AND (trouble, id) > ('held', $1) AND trouble <= 'held'
           ORDER BY trouble, id LIMIT $2  -- as above""",
        after,
        limit,
    )


async def uncertain_references(
    connection: Connection, platforms: Sequence[str], *, older_s: float, younger_s: float, limit: int
) -> list[asyncpg.Record]:
    """List platform and reference of uncertain messages on these platforms, by the age of their state."""
    return await connection.fetch(
        """SELECT platform, reference FROM messages
           WHERE trouble = 'uncertain' AND platform = ANY($1::text[])
             AND changed_at < now() - make_interval(secs => $2)
             AND changed_at > now() - make_interval(secs => $3)
           ORDER BY random() LIMIT $4  -- those that stay unknown must not keep others from being asked""",
        platforms,
        older_s,
        younger_s,
        limit,
    )


async def bring_back(connection: Connection, *, limit: int) -> None:
    """Call begun just now what is uncertain since a time to come, as the clock was set back since.

    Until that time nobody could send it again, nor would its platform be asked about it, be it a year. What
    may have begun a moment before the clock was set has its ten minutes from now.
    """
    await connection.execute(
        """WITH ahead AS MATERIALIZED (
               SELECT m.id, m.attempt_id FROM messages m LEFT JOIN attempts a ON a.id = m.attempt_id
               WHERE m.trouble IS NOT NULL AND m.trouble = 'uncertain'
                 AND greatest(m.changed_at, a.started_at) > now() + interval '10 min'
               ORDER BY m.id LIMIT $1 FOR UPDATE OF m
           ), begun AS (
               UPDATE attempts a SET started_at = now()
               FROM ahead WHERE a.id = ahead.attempt_id AND a.started_at > now()
           )
           UPDATE messages m SET changed_at = now() FROM ahead WHERE m.id = ahead.id""",
        limit,
    )


async def last_starts(
    connection: Connection, ids: Sequence[int], *, within_s: float
) -> tuple[dict[int, int | None], set[int], set[int]]:
    """Give the last attempts of those that are, or may become, uncertain; and which began `within_s` ago.

    Apart, as the third: those whose dispatch was cancelled.
    """
    rows = await connection.fetch(
        """SELECT m.id, m.attempt_id, a.started_at > now() - make_interval(secs => $2) AS is_recent,
                  d.cancelled_at IS NOT NULL OR coalesce(r.state = 'cancelled', false) AS is_withdrawn
           FROM messages m JOIN dispatches d ON d.id = m.dispatch_id
           LEFT JOIN bulk_runs r ON r.dispatch_id = m.dispatch_id
           LEFT JOIN attempts a ON a.id = m.attempt_id
           WHERE m.id = ANY($1::bigint[]) AND m.status IN ('sending', 'uncertain')""",
        ids,
        within_s,
    )
    kept = [row for row in rows if not row["is_withdrawn"]]
    withdrawn = {row["id"] for row in rows if row["is_withdrawn"]}
    return (
        {row["id"]: row["attempt_id"] for row in kept},
        {row["id"] for row in kept if row["is_recent"]},
        withdrawn,
    )
