"""Users, API clients and the audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import asyncpg

from disparo.db import sessions
from disparo.db.pool import Connection, affected


async def find_user(connection: Connection, email: str) -> asyncpg.Record | None:
    """Read an active user by e-mail, whatever its case."""
    return await connection.fetchrow(
        "SELECT id, email, password_hash, permissions FROM users WHERE lower(email) = lower($1) AND active",
        email,
    )


async def find_user_id(connection: Connection, email: str) -> int | None:
    """Give a user's id, shut out or not."""
    user_id: int | None = await connection.fetchval(
        "SELECT id FROM users WHERE lower(email) = lower($1)", email
    )
    return user_id


async def has_client(connection: Connection, client_id: int) -> bool:
    """Whether there is such an API client, shut out or not."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM api_clients WHERE id = $1)", client_id
    )
    return found


async def find_client(connection: Connection, client_id: int) -> asyncpg.Record | None:
    """Read an active API client."""
    return await connection.fetchrow("SELECT * FROM api_clients WHERE id = $1 AND active", client_id)


async def add_user(
    connection: Connection, *, email: str, name: str, password_hash: str, permissions: Sequence[str]
) -> int | None:
    """Add a user; gives the id, None where the e-mail is taken."""
    user_id: int | None = await connection.fetchval(
        """INSERT INTO users (email, name, password_hash, permissions) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING RETURNING id""",
        email,
        name,
        password_hash,
        list(permissions),
    )
    return user_id


async def set_password(connection: Connection, email: str, password_hash: str) -> int | None:
    """Change a user's password, ending their panel sessions; gives the id, None where there is no user."""
    user_id: int | None = await connection.fetchval(
        "UPDATE users SET password_hash = $2 WHERE lower(email) = lower($1) RETURNING id",
        email,
        password_hash,
    )
    if user_id is not None:
        # A statement of its own: it sees the session that the one before has waited for.
        await sessions.end_all(connection, user_id)
    return user_id


async def replace_password(connection: Connection, user_id: int, old_hash: str, new_hash: str) -> bool:
    """Change a user's password, ending their panel sessions.

    False, and nothing is changed, where they are shut out, or it is another by now.
    """
    done = await connection.execute(
        "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2 AND active",
        user_id,
        old_hash,
        new_hash,
    )
    if affected(done) != 1:
        return False
    await sessions.end_all(connection, user_id)
    return True


async def lock_administrators(connection: Connection) -> frozenset[int]:
    """Give who administers, by user id; whoever would take it from one of them waits for this transaction."""
    rows = await connection.fetch(
        "SELECT id FROM users WHERE active AND 'admin' = ANY (permissions) ORDER BY id FOR NO KEY UPDATE"
    )
    return frozenset(row["id"] for row in rows)


async def set_active(connection: Connection, user_id: int, *, active: bool) -> bool:
    """Shut a user out, or let them in again; False where there is no such user."""
    done = await connection.execute("UPDATE users SET active = $2 WHERE id = $1", user_id, active)
    return affected(done) == 1


async def set_permissions(
    connection: Connection, user_id: int, permissions: Sequence[str], *, instead_of: Sequence[str] | None
) -> bool:
    """Change what a user may do.

    False, and nothing is changed, where that is no longer `instead_of`; None there: whatever it is.
    """
    done = await connection.execute(
        """UPDATE users SET permissions = $2
           WHERE id = $1 AND ($3::text[] IS NULL OR permissions @> $3 AND permissions <@ $3)""",
        user_id,
        list(permissions),
        None if instead_of is None else list(instead_of),
    )
    return affected(done) == 1


async def names(connection: Connection) -> dict[int, str]:
    """Give what people are called, by user id; two that are called the same have their e-mail beside it."""
    rows = await connection.fetch(
        """SELECT id, called || CASE WHEN count(*) OVER (PARTITION BY lower(called)) > 1
                                THEN ' (' || email || ')' ELSE '' END AS name
           FROM (SELECT id, email, coalesce(nullif(name, ''), email) AS called FROM users) u"""
    )
    return {row["id"]: row["name"] for row in rows}


async def list_users(connection: Connection) -> list[asyncpg.Record]:
    """List users by id."""
    return await connection.fetch(
        "SELECT id, email, name, permissions, active, created_at FROM users ORDER BY id"
    )


async def add_client(
    connection: Connection, *, name: str, secret_sha256: bytes, settings: Mapping[str, object]
) -> int:
    """Add an API client; `settings`: what it is set to, by column; what is not named has its default."""
    client_id: int = await connection.fetchval(
        """INSERT INTO api_clients (name, secret_sha256, error_codes, purpose, repeat_window_s, rate_per_s,
                                    rate_burst, extra_phones_per_day)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id""",
        name,
        secret_sha256,
        settings.get("error_codes", "rest"),
        settings.get("purpose", "requested"),
        settings.get("repeat_window_s", 0),
        settings.get("rate_per_s"),
        settings.get("rate_burst"),
        settings.get("extra_phones_per_day"),
    )
    return client_id


async def set_client_secret(connection: Connection, client_id: int, secret_sha256: bytes) -> bool:
    """Change a client's secret; False where there is no such client, or it is shut out: that is for good."""
    done = await connection.execute(
        "UPDATE api_clients SET secret_sha256 = $2 WHERE id = $1 AND active", client_id, secret_sha256
    )
    return affected(done) == 1


async def deactivate_client(connection: Connection, client_id: int) -> bool:
    """Shut a client out; False where there is no such client."""
    done = await connection.execute("UPDATE api_clients SET active = false WHERE id = $1", client_id)
    return affected(done) == 1


async def list_clients(connection: Connection) -> list[asyncpg.Record]:
    """List API clients by id, without their secrets."""
    return await connection.fetch(
        """SELECT id, name, error_codes, purpose, repeat_window_s, rate_per_s, rate_burst,
                  extra_phones_per_day, active, created_at FROM api_clients ORDER BY id"""
    )


async def audit(
    connection: Connection, *, actor: str, action: str, detail: Mapping[str, object] | None = None
) -> None:
    """Write down who did what; no secret, phone or text belongs into `detail`."""
    await connection.execute(
        "INSERT INTO audit_log (at, actor, action, detail) VALUES (clock_timestamp(), $1, $2, $3::jsonb)",
        actor,
        action,
        json.dumps(detail or {}),
    )
