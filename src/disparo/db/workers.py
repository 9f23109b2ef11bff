"""The workers that hold messages, each with its beat."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from disparo.db.pool import Connection

#: A beat, or a look at them, that takes longer comes too late: after 6 s its worker is taken over.
ANSWERED_WITHIN_S = 5.0


async def register(connection: Connection, worker_id: UUID, *, host: str, pid: int) -> None:
    """Add a worker; it must beat from now on."""
    await connection.execute("INSERT INTO workers (id, host, pid) VALUES ($1, $2, $3)", worker_id, host, pid)


async def beat(connection: Connection, worker_id: UUID, *, preparing: int | None) -> bool:
    """Count a worker's beat up; False where another one took it over."""
    row = await connection.fetchval(
        "UPDATE workers SET beat = beat + 1, preparing = $2 WHERE id = $1 RETURNING true",
        worker_id,
        preparing,
        timeout=ANSWERED_WITHIN_S,
    )
    return row is not None


async def list_beats(connection: Connection) -> dict[UUID, int]:
    """Give every worker's beat counter."""
    rows = await connection.fetch("SELECT id, beat FROM workers", timeout=ANSWERED_WITHIN_S)
    return {row["id"]: row["beat"] for row in rows}


async def remove_if_silent(connection: Connection, worker_id: UUID, *, beat: int) -> asyncpg.Record | None:
    """Remove a worker that has not beaten since; gives its row (`preparing`), None where it lives."""
    return await connection.fetchrow(
        "DELETE FROM workers WHERE id = $1 AND beat = $2 RETURNING preparing", worker_id, beat
    )


async def lock(connection: Connection, worker_id: UUID) -> None:
    """Keep a worker from claiming until this transaction ends; a claim that is under way is waited for."""
    await connection.execute("SELECT FROM workers WHERE id = $1 FOR UPDATE", worker_id)


async def keep(connection: Connection, worker_id: UUID) -> bool:
    """Keep a worker's row until this transaction ends; False where it is gone: it left, or was taken over."""
    found = await connection.fetchval("SELECT true FROM workers WHERE id = $1 FOR KEY SHARE", worker_id)
    return found is not None


async def remove(connection: Connection, worker_id: UUID) -> None:
    """Remove a worker that ends in order and holds nothing."""
    await connection.execute(
        "WITH over AS (DELETE FROM claims WHERE worker_id = $1) DELETE FROM workers WHERE id = $1", worker_id
    )
