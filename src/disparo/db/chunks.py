"""Chunks with waiting messages, kept apart: to look for them in a table of millions would be too slow.

A trigger of `messages` makes a row in `waiting_chunks`; whoever worked the chunk off deletes it. Chunks of
bulk runs stand in `bulk_chunks`, with the same promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from disparo.db.pool import Connection

#: The sweep comes seconds late, which counts only beside a wait that is short.
_SOON_S = 30.0


async def list_due(connection: Connection, *, overdue_s: float, limit: int) -> list[int]:
    """List chunks with messages due for longer than `overdue_s`, or since before the server began.

    The second may be those whose entries a crash of the server took: nothing need be waited for.
    """
    rows = await connection.fetch(
        """WITH past AS (SELECT greatest(now() - make_interval(secs => $1), pg_postmaster_start_time()) AS at)
           SELECT c.chunk_id FROM waiting_chunks c
           WHERE c.due_at < (SELECT at FROM past)
             AND EXISTS (SELECT FROM messages m WHERE m.chunk_id = c.chunk_id AND m.status = 'queued'
                         AND m.due_at < (SELECT at FROM past))
           ORDER BY c.due_at LIMIT $2""",
        overdue_s,
        limit,
    )
    return [row["chunk_id"] for row in rows]


async def end(connection: Connection, chunk_id: int) -> bool:
    """Delete a chunk of which nothing waits, and tell whether; messages that go back to wait go into another.

    Its transaction, which should have nothing else in it, waits for no flush: a chunk that a crash
    brings back is ended by `end_emptied`.
    """
    ended = await connection.fetchval(
        """DELETE FROM waiting_chunks WHERE chunk_id = $1
           AND NOT EXISTS (SELECT FROM messages WHERE chunk_id = $1 AND status = 'queued')
           RETURNING set_config('synchronous_commit', 'off', true)""",
        chunk_id,
    )
    return ended is not None


async def next_due_in_s(connection: Connection, chunk_id: int) -> float | None:
    """Give in how many seconds the next of a chunk are due, those of one second together; None: none soon.

    Messages that a platform did not take share a chunk, each with a time of its own. What is due much later
    is the sweep's: a chunk has one entry, and what made it due meanwhile would wait for that one's time. So
    is what was due for longer and is still there: nobody could claim it.
    """
    found: float | None = await connection.fetchval(
        """SELECT extract(epoch FROM max(due_at) - now())::float8
           FROM (SELECT due_at, min(due_at) OVER () AS first_at FROM messages
                 WHERE chunk_id = $1 AND status = 'queued'
                   AND due_at BETWEEN now() - interval '1 s' AND now() + make_interval(secs => $2)) m
           WHERE due_at <= first_at + interval '1 s'""",
        chunk_id,
        _SOON_S,
    )
    return found


async def end_emptied(connection: Connection, *, overdue_s: float) -> None:
    """Delete chunks, due for so long, of which nothing waits: nobody worked them off, or died of it."""
    await connection.execute(
        """DELETE FROM waiting_chunks c WHERE due_at < now() - make_interval(secs => $1)
           AND NOT EXISTS (SELECT FROM messages m WHERE m.chunk_id = c.chunk_id AND m.status = 'queued')""",
        overdue_s,
    )


async def bring_back(connection: Connection, *, limit: int) -> list[int]:
    """Make due what was put to wait in a time to come, as the clock was set back since; gives its chunks.

    It would wait until that time has passed, be it a year. What is to wait all the same is put back by its
    last look. Messages of a chunk were put there together: one tells of all.
    """
    rows = await connection.fetch(
        """SELECT c.chunk_id
           FROM (SELECT chunk_id, due_at FROM waiting_chunks
                 UNION ALL SELECT chunk_id, due_at FROM bulk_chunks WHERE worker_id IS NULL) c
           WHERE c.due_at > now() + interval '10 min'
             AND (SELECT m.changed_at FROM messages m WHERE m.chunk_id = c.chunk_id AND m.status = 'queued'
                  LIMIT 1) > now() + interval '1 min'
           LIMIT $1""",
        limit,
    )
    found = [row["chunk_id"] for row in rows]
    if found:
        await make_due(connection, found)
    return found


async def waiting_for_hours(
    connection: Connection, *, after: int, until: datetime | None, limit: int
) -> list[asyncpg.Record]:
    """Tell of some chunks for which area codes, and until when, their messages wait for a platform's hours.

    `platform`: the one that a message is bound to, which may have taken it before. The next by `place`,
    behind `after`. What was put off after `until` (None: now) is left alone.
    """
    # Each LIMIT makes its step a look-up by index; those behind the last chunk that is wanted are not read.
    return await connection.fetch(
        """SELECT page.*, waits.*, now() AS now
           FROM (SELECT chunk_id, place
                 FROM (SELECT chunk_id, place
                       FROM (SELECT chunk_id, due_at FROM waiting_chunks
                             UNION ALL SELECT chunk_id, due_at FROM bulk_chunks WHERE worker_id IS NULL) c
                       CROSS JOIN LATERAL (SELECT abs(chunk_id) * 2 + (chunk_id < 0)::int AS place) p
                       WHERE due_at > now() AND place > $1 ORDER BY place OFFSET 0) c
                 WHERE (SELECT true FROM messages m
                        WHERE m.chunk_id = c.chunk_id AND m.status = 'queued' AND m.reason = 'platform_hours'
                          AND m.due_at > now() AND m.changed_at <= coalesce($2, now()) LIMIT 1)
                 LIMIT $3) page
           CROSS JOIN LATERAL (
               SELECT DISTINCT due_at, substr(e164, 4, 2) AS ddd,
                      CASE WHEN tries > 0 THEN platform END AS platform
               FROM messages WHERE chunk_id = page.chunk_id AND status = 'queued' AND due_at > now()
                               AND reason = 'platform_hours' AND changed_at <= coalesce($2, now())) waits""",
        after,
        until,
        limit,
    )


async def make_due(connection: Connection, chunk_ids: Sequence[int]) -> None:
    """Make all that waits in these chunks due now."""
    await connection.execute(
        "UPDATE bulk_chunks SET due_at = now() WHERE chunk_id = ANY($1) AND worker_id IS NULL", chunk_ids
    )
    await connection.execute(
        """WITH locked AS MATERIALIZED (
               SELECT id FROM messages WHERE chunk_id = ANY($1) AND status = 'queued'
               ORDER BY id FOR UPDATE
           )
           UPDATE messages m
           SET due_at = now(), wait_since = least(m.wait_since, now()), changed_at = now()
           FROM locked WHERE m.id = locked.id""",
        chunk_ids,
    )
