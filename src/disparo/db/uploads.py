"""Uploaded files that somebody looks over at the panel: the last one of each person."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from disparo.db.pool import Connection


async def keep(
    connection: Connection, upload_id: UUID, *, user_id: int, kind: str, name: str, content: bytes
) -> None:
    """Keep a file in the place of the person's last one."""
    await connection.execute(
        """INSERT INTO uploads (id, user_id, kind, name, content) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (user_id) DO UPDATE
           SET id = excluded.id, kind = excluded.kind, name = excluded.name, content = excluded.content,
               created_at = now()""",
        upload_id,
        user_id,
        kind,
        name,
        content,
    )


async def read(connection: Connection, upload_id: UUID, *, user_id: int) -> asyncpg.Record | None:
    """Read a person's file: kind, name, content; None where it is gone, or somebody else's."""
    return await connection.fetchrow(
        "SELECT kind, name, content FROM uploads WHERE id = $1 AND user_id = $2", upload_id, user_id
    )
