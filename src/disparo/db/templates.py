"""The template of the SMS as it was last written in the panel."""

from __future__ import annotations

import asyncpg

from disparo.db.pool import Connection


async def current(connection: Connection) -> str | None:
    """Give the template that counts; None: the installation's setting does."""
    text: str | None = await connection.fetchval("SELECT text FROM templates ORDER BY id DESC LIMIT 1")
    return text


async def last_id(connection: Connection) -> int:
    """Give the number of the template that counts; 0: nobody has written one."""
    found: int = await connection.fetchval("SELECT coalesce(max(id), 0) FROM templates")
    return found


async def write(
    connection: Connection, text: str | None, *, actor: str, instead_of: int | None = None
) -> bool:
    """Use another template from now on; None: the installation's setting.

    False, and nothing is changed, where `instead_of` (an id of `history`, 0 for none) is not the last one any
    more.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('templates', 0))")
    if instead_of is not None and instead_of != await last_id(connection):
        return False
    await connection.execute("INSERT INTO templates (text, actor) VALUES ($1, $2)", text, actor)
    return True


async def history(connection: Connection) -> list[asyncpg.Record]:
    """List who wrote the last twenty templates, the newest first."""
    return await connection.fetch(
        "SELECT id, text, actor, created_at FROM templates ORDER BY id DESC LIMIT 20"
    )
