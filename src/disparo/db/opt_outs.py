"""Numbers whose owners want no SMS."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import asyncpg

from disparo.db import accounts
from disparo.db.pool import Connection, affected
from disparo.db.where import AFTER_ALL
from disparo.domain.phone import masked


async def among(connection: Connection, numbers: Iterable[str]) -> set[str]:
    """Tell which of these E.164 numbers opted out."""
    rows = await connection.fetch(
        "SELECT e164 FROM opt_outs WHERE e164 = ANY($1::text[])", sorted(set(numbers))
    )
    return {row["e164"] for row in rows}


async def since(connection: Connection, numbers: Iterable[str]) -> list[asyncpg.Record]:
    """Give e164 and created_at of those of these E.164 numbers that opted out, the newest first."""
    return await connection.fetch(
        """SELECT e164, created_at FROM opt_outs WHERE e164 = ANY($1::text[])
           ORDER BY created_at DESC, e164""",
        sorted(set(numbers)),
    )


async def add(connection: Connection, e164: str, *, reason: str, actor: str) -> bool:
    """Enter a number; False where it was there."""
    done = await connection.execute(
        "INSERT INTO opt_outs (e164, reason, actor) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        e164,
        reason,
        actor,
    )
    return affected(done) == 1


async def remove(connection: Connection, e164: str) -> bool:
    """Strike a number off; False where it was not there."""
    done = await connection.execute("DELETE FROM opt_outs WHERE e164 = $1", e164)
    return affected(done) == 1


async def add_asked(connection: Connection, e164: str, *, actor: str) -> bool:
    """Enter a number as `actor` asks, and in the audit log; False where it was there."""
    new = await add(connection, e164, reason="asked", actor=actor)
    if new:
        await _audit(connection, "opt_out_added", e164, actor)
    return new


async def remove_asked(connection: Connection, e164: str, *, actor: str) -> bool:
    """Strike a number off as `actor` asks, and in the audit log; False where it was not there."""
    found = await remove(connection, e164)
    if found:
        await _audit(connection, "opt_out_removed", e164, actor)
    return found


async def _audit(connection: Connection, action: str, e164: str, actor: str) -> None:
    await accounts.audit(connection, actor=actor, action=action, detail={"number": masked(e164)})


async def list_page(
    connection: Connection, *, e164: str | None = None, limit: int = 50, offset: int = 0
) -> list[asyncpg.Record]:
    """List opt-outs, the newest first; one number's where it is given."""
    return await connection.fetch(
        """SELECT e164, reason, actor, created_at FROM opt_outs
           WHERE $1::text IS NULL OR e164 = $1
           ORDER BY created_at DESC, e164 LIMIT $2 OFFSET $3""",
        e164,
        limit,
        offset,
    )


async def count(connection: Connection, *, e164: str | None = None) -> int:
    """Count what `list_page` would list in all."""
    total: int = await connection.fetchval(
        "SELECT count(*) FROM opt_outs WHERE $1::text IS NULL OR e164 = $1", e164
    )
    return total


async def page(
    connection: Connection, *, e164: str | None, before: tuple[datetime, str] | None, limit: int
) -> list[asyncpg.Record]:
    """List opt-outs by keys, the newest first; one more than `limit` where there are."""
    return await connection.fetch(
        """SELECT e164, reason, actor, created_at FROM opt_outs
           WHERE ($1::text IS NULL OR e164 = $1) AND (created_at, e164) < ($2, $3)
           ORDER BY created_at DESC, e164 DESC LIMIT $4""",
        e164,
        *(before or (AFTER_ALL, "")),
        limit + 1,
    )
