"""Signing keys, access tokens and refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from disparo.db.pool import Connection, affected, sql

#: The channel on which triggers tell of changes to tokens, users and API clients, and what they say.
CHANGES, CHANGED = "disparo_tokens", "changed"
#: A new signing key is known to every server after so long, and the one before it then signs nothing more.
_KNOWN_AFTER_S, _NO_MORE_AFTER_S = 60.0, 600.0


async def signing_keys(connection: Connection) -> list[asyncpg.Record]:
    """List kid, private_pem and public_pem of every key; last the newest that all servers know by now."""
    return await connection.fetch(
        """SELECT kid, private_pem, public_pem FROM signing_keys
           ORDER BY created_at < now() - make_interval(secs => $1), created_at, kid""",
        _KNOWN_AFTER_S,
    )


async def add_signing_key(connection: Connection, *, kid: str, private_pem: str, public_pem: str) -> bool:
    """Store a key after another; False, and nothing is stored, where the last came a moment ago."""
    await connection.execute("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")
    added = await connection.execute(
        """INSERT INTO signing_keys (kid, private_pem, public_pem)
           SELECT $1, $2, $3 FROM signing_keys
           HAVING max(created_at) < now() - make_interval(secs => $4)""",
        kid,
        private_pem,
        public_pem,
        _NO_MORE_AFTER_S,
    )
    return affected(added) == 1


async def forget_old_private_keys(connection: Connection) -> None:
    """Throw away the private halves of keys that no server signs with any more."""
    await connection.execute(
        """UPDATE signing_keys k SET private_pem = ''
           WHERE private_pem <> '' AND EXISTS (
               SELECT FROM signing_keys n WHERE n.created_at > k.created_at
               AND n.created_at < now() - make_interval(secs => $1))""",
        _NO_MORE_AFTER_S,
    )


async def add_first_signing_key(
    connection: Connection, *, kid: str, private_pem: str, public_pem: str
) -> None:
    """Store a key where there is none yet: of several processes that start together one wins."""
    async with connection.transaction():
        await connection.execute("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")
        await connection.execute(
            """INSERT INTO signing_keys (kid, private_pem, public_pem)
               SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM signing_keys)""",
            kid,
            private_pem,
            public_pem,
        )


@dataclass(frozen=True, slots=True)
class NewPair:
    """An access token and the refresh token that goes with it.

    `password_hash`, `secret_sha256`: what user and client were checked by, None where by nothing.
    """

    jti: UUID
    family_id: UUID
    client_id: int
    user_id: int
    issued_at: datetime
    access_s: int
    refresh_sha256: bytes
    refresh_s: int
    password_hash: str | None = None
    secret_sha256: bytes | None = None


async def add_pair(connection: Connection, pair: NewPair) -> bool:
    """Store a pair; earlier ones stay alive. False where user or client are not what they were when checked.

    The locks have whoever changes them meanwhile, or revokes their tokens, wait and then see this pair.
    """
    added = await connection.execute(
        """WITH granted AS (
               SELECT u.id AS user_id, c.id AS client_id FROM users u CROSS JOIN api_clients c
               WHERE u.id = $3 AND u.active AND ($9::text IS NULL OR u.password_hash = $9)
                 AND c.id = $2 AND c.active AND ($10::bytea IS NULL OR c.secret_sha256 = $10)
               FOR SHARE),
           access AS (
               INSERT INTO access_tokens (jti, client_id, user_id, family_id, issued_at, expires_at)
               SELECT $1, client_id, user_id, $4, $5::timestamptz,
                      $5::timestamptz + make_interval(secs => $6::float8) FROM granted)
           INSERT INTO refresh_tokens (token_sha256, family_id, client_id, user_id, issued_at, expires_at)
           SELECT $7, $4, client_id, user_id, $5::timestamptz,
                  $5::timestamptz + make_interval(secs => $8::float8) FROM granted""",
        pair.jti,
        pair.client_id,
        pair.user_id,
        pair.family_id,
        pair.issued_at,
        pair.access_s,
        pair.refresh_sha256,
        pair.refresh_s,
        pair.password_hash,
        pair.secret_sha256,
    )
    return affected(added) == 1


async def lock_refresh(connection: Connection, token_sha256: bytes) -> asyncpg.Record | None:
    """Lock a refresh token's family, user and client, and read the token.

    `id`, `password_hash`, `permissions`: the user's; `is_usable`: not revoked, not run out; `age_s`: seconds
    since it was rotated, None if it never was; `is_last_rotated`: no other of its family was rotated later.
    """
    # User and client first, as `revoke` does: in the other order the two would wait for each other.
    family = await connection.fetchval(
        """SELECT t.family_id
           FROM refresh_tokens t JOIN users u ON u.id = t.user_id JOIN api_clients c ON c.id = t.client_id
           WHERE t.token_sha256 = $1 FOR SHARE OF u, c""",
        token_sha256,
    )
    if family is None:
        return None
    await connection.execute(
        "SELECT FROM refresh_tokens WHERE family_id = $1 ORDER BY token_sha256 FOR UPDATE", family
    )
    return await connection.fetchrow(
        """SELECT t.family_id, t.client_id, u.id, u.password_hash, u.permissions,
                  t.revoked_at IS NULL AND t.expires_at > now() AND u.active AND c.active AS is_usable,
                  extract(epoch FROM clock_timestamp() - t.rotated_at)::float8 AS age_s,
                  NOT EXISTS (SELECT FROM refresh_tokens o WHERE o.family_id = t.family_id
                              AND o.rotated_at > t.rotated_at) AS is_last_rotated
           FROM refresh_tokens t JOIN users u ON u.id = t.user_id JOIN api_clients c ON c.id = t.client_id
           WHERE t.token_sha256 = $1""",
        token_sha256,
    )


async def mark_rotated(connection: Connection, token_sha256: bytes) -> None:
    """Note the first exchange of a refresh token."""
    await connection.execute(
        "UPDATE refresh_tokens SET rotated_at = clock_timestamp() "
        "WHERE token_sha256 = $1 AND rotated_at IS NULL",
        token_sha256,
    )


async def read_live(connection: Connection, jti: UUID) -> asyncpg.Record | None:
    """Read whose token this is, with what user and client are set to; None if it is not alive."""
    return await connection.fetchrow(sql("live_token"), jti)


async def tell(connection: Connection, word: str) -> None:
    """Say a word on the channel, after the changes that were committed before."""
    await connection.execute("SELECT pg_notify($1, $2)", CHANGES, word)


async def list_live(connection: Connection, *, limit: int = 1000) -> list[asyncpg.Record]:
    """List tokens that are alive, the newest first, no more than `limit`."""
    return await connection.fetch(
        """SELECT t.jti, t.issued_at, t.expires_at, t.client_id, c.name AS client_name, u.email
           FROM access_tokens t JOIN users u ON u.id = t.user_id JOIN api_clients c ON c.id = t.client_id
           WHERE t.revoked_at IS NULL AND t.expires_at > now() ORDER BY t.issued_at DESC LIMIT $1""",
        limit,
    )


async def count_live(connection: Connection) -> int:
    """Count tokens that are alive."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM access_tokens WHERE revoked_at IS NULL AND expires_at > now()"
    )
    return count


async def has_live(
    connection: Connection, *, user_id: int | None = None, client_id: int | None = None
) -> bool:
    """Whether a user or a client can go on without a password: by a token, or by one that asks for others."""
    found: bool = await connection.fetchval(
        """SELECT EXISTS (SELECT FROM access_tokens WHERE revoked_at IS NULL AND expires_at > now()
                          AND (user_id = $1 OR client_id = $2))
               OR EXISTS (SELECT FROM refresh_tokens WHERE revoked_at IS NULL AND expires_at > now()
                          AND (user_id = $1 OR client_id = $2))""",
        user_id,
        client_id,
    )
    return found


async def revoke(
    connection: Connection,
    *,
    jti: UUID | None = None,
    family_id: UUID | None = None,
    user_id: int | None = None,
    client_id: int | None = None,
) -> int:
    """Revoke one token, a family, a user's, a client's, or (nothing named) all; gives how many.

    A single token takes its family's refresh tokens with it: else it would come back.
    """
    if jti is not None:
        family_id = await connection.fetchval("SELECT family_id FROM access_tokens WHERE jti = $1", jti)
        if family_id is None:
            return 0
    if jti is None and family_id is None:
        await _wait_for_sign_ins(connection, user_id, client_id)
    # A refresh that is under way holds its family's rows: the first statement waits for it, the second sees
    # what it has made, and so does the third.
    for _ in range(2):
        await connection.execute(
            """UPDATE refresh_tokens SET revoked_at = now()
               WHERE revoked_at IS NULL AND ($1::uuid IS NULL OR family_id = $1)
                 AND ($2::bigint IS NULL OR user_id = $2) AND ($3::int IS NULL OR client_id = $3)""",
            family_id,
            user_id,
            client_id,
        )
    done = await connection.execute(
        """UPDATE access_tokens SET revoked_at = now()
           WHERE revoked_at IS NULL AND ($1::uuid IS NULL OR jti = $1)
             AND ($2::uuid IS NULL OR family_id = $2) AND ($3::bigint IS NULL OR user_id = $3)
             AND ($4::int IS NULL OR client_id = $4)""",
        jti,
        family_id,
        user_id,
        client_id,
    )
    return affected(done)


async def _wait_for_sign_ins(connection: Connection, user_id: int | None, client_id: int | None) -> None:
    """Lock whose tokens are revoked (nobody named: all): a sign-in under way ends first, and is seen."""
    if client_id is not None:
        await connection.execute("SELECT FROM api_clients WHERE id = $1 FOR NO KEY UPDATE", client_id)
    else:
        await connection.execute(
            "SELECT FROM users WHERE $1::bigint IS NULL OR id = $1 ORDER BY id FOR NO KEY UPDATE", user_id
        )
