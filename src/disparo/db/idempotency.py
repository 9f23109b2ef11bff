"""Kept answers of repeated calls, by API client, user, route and key (docs/delivery.md §6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from disparo.db.pool import Connection


@dataclass(frozen=True, slots=True)
class Key:
    """The idempotency key of a call; `digest` is of the validated request."""

    client_id: int
    user_id: int
    route: str
    key: str
    digest: bytes

    @property
    def scope(self) -> tuple[int, int, str, str]:
        """Give what makes the key unique."""
        return self.client_id, self.user_id, self.route, self.key


@dataclass(frozen=True, slots=True)
class Kept:
    """The kept answer of an earlier call."""

    digest: bytes
    response: bytes


async def lock(connection: Connection, keys: Sequence[Key]) -> list[bool]:
    """Lock each key for this transaction, without waiting; False where another call holds it."""
    rows = await connection.fetch(
        """SELECT pg_try_advisory_xact_lock(hashtextextended(t.scope, 7)) AS taken
           FROM unnest($1::text[]) WITH ORDINALITY AS t (scope, n) ORDER BY n""",
        [repr(key.scope) for key in keys],
    )
    return [row["taken"] for row in rows]


async def find(connection: Connection, keys: Sequence[Key]) -> dict[tuple[int, int, str, str], Kept]:
    """Read the answers that were kept for these keys within 24 hours."""
    rows = await connection.fetch(
        """SELECT i.* FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[])
               AS k (client_id, user_id, route, key)
           JOIN idempotency_keys i USING (client_id, user_id, route, key)
           WHERE i.created_at > now() - interval '24 hours'""",
        *_columns(keys),
    )
    return {
        (row["client_id"], row["user_id"], row["route"], row["key"]): Kept(
            bytes(row["request_digest"]), bytes(row["response"])
        )
        for row in rows
    }


async def keep(connection: Connection, answers: Sequence[tuple[Key, bytes]]) -> None:
    """Keep answers; one that is older than 24 hours is replaced."""
    await connection.execute(
        """INSERT INTO idempotency_keys (client_id, user_id, route, key, request_digest, response)
           SELECT * FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bytea[])
           ON CONFLICT (client_id, user_id, route, key) DO UPDATE
           SET request_digest = excluded.request_digest, response = excluded.response, created_at = now()""",
        *_columns([key for key, _ in answers]),
        [key.digest for key, _ in answers],
        [response for _, response in answers],
    )


def _columns(keys: Sequence[Key]) -> tuple[list[int], list[int], list[str], list[str]]:
    return (
        [key.client_id for key in keys],
        [key.user_id for key in keys],
        [key.route for key in keys],
        [key.key for key in keys],
    )
