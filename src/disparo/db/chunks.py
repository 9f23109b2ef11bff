"""Chunks of which messages wait: what is looked at where a table of millions would be too much.

A row in `waiting_chunks` is made by the table of messages itself (a trigger), and struck off by whoever
worked the chunk off. Bulk runs keep their own chunks, with the same promise, in `bulk_chunks`.
"""

from __future__ import annotations

from disparo.db.pool import Connection


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


async def end(connection: Connection, chunk_id: int) -> None:
    """Strike off a chunk of which nothing waits any more; what goes back to wait goes into another one."""
    await connection.execute(
        """DELETE FROM waiting_chunks WHERE chunk_id = $1
           AND NOT EXISTS (SELECT FROM messages WHERE chunk_id = $1 AND status = 'queued')""",
        chunk_id,
    )


async def end_emptied(connection: Connection, *, overdue_s: float) -> None:
    """Strike off chunks due for so long and of which nothing waits: nobody worked them off, or died of it."""
    await connection.execute(
        """DELETE FROM waiting_chunks c WHERE due_at < now() - make_interval(secs => $1)
           AND NOT EXISTS (SELECT FROM messages m WHERE m.chunk_id = c.chunk_id AND m.status = 'queued')""",
        overdue_s,
    )
