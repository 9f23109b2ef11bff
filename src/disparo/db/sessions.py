"""Who is signed in to the panel: one row a session, by the digest of its token."""

from __future__ import annotations

import asyncpg

from disparo.db.pool import Connection, affected, sql

IDLE_S = 8 * 3600.0
LONGEST_S = 7 * 86_400.0


async def add(connection: Connection, token_sha256: bytes, *, user_id: int, password_hash: str) -> bool:
    """Begin a session; False where the user is shut out, or has another password than the one checked.

    The password was checked a while ago. The lock has whoever changes it meanwhile wait, and then end this.
    """
    added = await connection.execute(
        """INSERT INTO panel_sessions (token_sha256, user_id)
           SELECT $1, id FROM users WHERE id = $2 AND active AND password_hash = $3 FOR SHARE""",
        token_sha256,
        user_id,
        password_hash,
    )
    return affected(added) == 1


async def read_live(connection: Connection, token_sha256: bytes) -> asyncpg.Record | None:
    """Read whose session this is; see live_session.sql for the columns."""
    return await connection.fetchrow(sql("live_session"), token_sha256, IDLE_S, LONGEST_S)


async def touch(connection: Connection, token_sha256: bytes, *, told: bool) -> None:
    """Note that a person was there; `told`: the notice is shown now, and never again."""
    await connection.execute(
        """UPDATE panel_sessions SET seen_at = now(), notice = CASE WHEN NOT $2::boolean THEN notice END
           WHERE token_sha256 = $1""",
        token_sha256,
        told,
    )


async def leave_notice(connection: Connection, token_sha256: bytes, notice: str) -> None:
    """Have the next page of this session say something."""
    await connection.execute(
        "UPDATE panel_sessions SET notice = $2 WHERE token_sha256 = $1", token_sha256, notice
    )


async def end(connection: Connection, token_sha256: bytes) -> None:
    """End one session."""
    await connection.execute("DELETE FROM panel_sessions WHERE token_sha256 = $1", token_sha256)


async def end_everybodys(connection: Connection) -> None:
    """End every session there is."""
    await connection.execute("DELETE FROM panel_sessions")


async def end_all(connection: Connection, user_id: int) -> None:
    """End every session of a user."""
    await connection.execute("DELETE FROM panel_sessions WHERE user_id = $1", user_id)
