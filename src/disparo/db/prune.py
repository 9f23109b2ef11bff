"""Rows that have run out: small slices, each a statement of its own."""

from __future__ import annotations

from disparo.db.pool import Connection

_SLICE = 1000
_EXPIRED = (
    "DELETE FROM idempotency_keys WHERE ctid IN (SELECT ctid FROM idempotency_keys "
    "WHERE created_at < now() - interval '24 hours' LIMIT $1)",
    "DELETE FROM access_tokens WHERE jti IN (SELECT jti FROM access_tokens "
    "WHERE expires_at < now() - interval '1 day' LIMIT $1)",
    "DELETE FROM refresh_tokens WHERE token_sha256 IN (SELECT token_sha256 FROM refresh_tokens "
    "WHERE expires_at < now() - interval '1 day' LIMIT $1)",
    "DELETE FROM rate_limits WHERE bucket IN (SELECT bucket FROM rate_limits "
    "WHERE tat < now() - interval '1 hour' LIMIT $1)",
    "DELETE FROM extra_phone_use WHERE ctid IN (SELECT ctid FROM extra_phone_use "
    "WHERE day < current_date - 7 LIMIT $1)",
)


async def delete_expired(connection: Connection) -> None:
    """Delete one slice of each kind of row that has run out."""
    for statement in _EXPIRED:
        await connection.execute(statement, _SLICE)
