"""The messages of a bulk run that can still be taken back, found by indexes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from disparo.db.pool import Connection


async def claimed_of(connection: Connection, dispatch_id: UUID) -> list[int]:
    """List a bulk run's messages that workers hold and have not started."""
    rows = await connection.fetch(
        "SELECT id FROM messages_in_hand WHERE status = 'claimed' AND dispatch_id = $1 ORDER BY id",
        dispatch_id,
    )
    return [row["id"] for row in rows]


async def queued_in(connection: Connection, chunk_ids: Sequence[int]) -> list[int]:
    """List the messages that wait in these chunks, and lock them in their order."""
    rows = await connection.fetch(
        """SELECT id FROM messages
           WHERE chunk_id = ANY($1::bigint[]) AND status = 'queued' ORDER BY id FOR UPDATE""",
        chunk_ids,
    )
    return [row["id"] for row in rows]


async def strays_of(connection: Connection, dispatch_id: UUID) -> list[int]:
    """List a bulk run's messages that wait in no chunk of its own: put off, given back, or held."""
    rows = await connection.fetch(
        """SELECT id FROM messages
           WHERE chunk_id = ANY(ARRAY(SELECT chunk_id FROM waiting_chunks WHERE chunk_id < 0))
             AND status = 'queued' AND dispatch_id = $1
           UNION ALL
           SELECT id FROM messages WHERE trouble = 'held' AND dispatch_id = $1""",
        dispatch_id,
    )
    return sorted(row["id"] for row in rows)


async def drop_chunks_of_ended(connection: Connection, *, limit: int) -> list[int]:
    """Delete some chunks of runs that are over; gives them, for their messages to wait elsewhere."""
    rows = await connection.fetch(
        """DELETE FROM bulk_chunks WHERE chunk_id IN
             (SELECT chunk_id FROM bulk_chunks
              WHERE dispatch_id <> ALL(ARRAY(SELECT dispatch_id FROM bulk_runs WHERE finished_at IS NULL))
              ORDER BY chunk_id LIMIT $1 FOR UPDATE SKIP LOCKED)
           RETURNING chunk_id""",
        limit,
    )
    return [row["chunk_id"] for row in rows]
