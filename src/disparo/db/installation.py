"""Tells whether this is the database we last ran on, or a restored or promoted copy (docs/delivery.md §8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from disparo.db import bulk_runs, unsettled
from disparo.db.pool import Connection, connected

RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a database does not share with its copy: cluster, timeline, table."""

    system_identifier: int
    timeline: int
    database_oid: int
    messages_oid: int


async def read_identity(connection: Connection) -> Identity:
    """Ask the server which cluster, timeline and database this is."""
    row = await connection.fetchrow(
        """SELECT s.system_identifier::text AS system_identifier,
                  ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int AS timeline,
                  d.oid AS database_oid, 'messages'::regclass::oid AS messages_oid
           FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()"""
    )
    assert row is not None  # noqa: S101 - for the type checker: the statement always has one row
    return Identity(int(row["system_identifier"]), row["timeline"], row["database_oid"], row["messages_oid"])


async def recognise(connection: Connection) -> bool:
    """Note a first start; hold everything and answer False where this is a copy. In one transaction."""
    identity = await read_identity(connection)
    known = await connection.fetchrow("SELECT * FROM installation FOR UPDATE")
    if known is not None and not _is(identity, known):
        await _hold(connection, identity)
        return False
    if known is None or known["messages_oid"] is None:
        await _remember(connection, identity)
    return True


async def is_unnoticed_copy(connection: Connection) -> bool:
    """Tell whether this is a copy on which nothing has run yet, and changes nothing. Not for a standby."""
    known = await connection.fetchrow("SELECT * FROM installation")
    return known is not None and not _is(await read_identity(connection), known)


def _is(identity: Identity, known: asyncpg.Record) -> bool:
    tables = identity.messages_oid if known["messages_oid"] is None else known["messages_oid"]
    before = Identity(int(known["system_identifier"]), known["timeline"], known["database_oid"], tables)
    return identity == before


async def hold_after_restore(dsn: str) -> list[UUID]:
    """Hold what waits in a restored database, so that history is not sent again; gives the paused runs."""
    async with connected(dsn) as connection, connection.transaction():
        await _hold(connection, await read_identity(connection))
        return await bulk_runs.paused(connection)


async def list_restored(connection: Connection, *, limit: int) -> list[int]:
    """List the messages that the hold of a copy keeps, oldest first."""
    rows = await connection.fetch(
        "SELECT id FROM messages WHERE trouble = 'held' AND reason = $1 ORDER BY id LIMIT $2", RESTORED, limit
    )
    return [row["id"] for row in rows]


async def end_hold(connection: Connection) -> None:
    """End the hold of a copy."""
    await connection.execute("UPDATE installation SET held_since = NULL, held_reason = NULL")


async def _hold(connection: Connection, identity: Identity) -> None:
    await connection.execute("DELETE FROM workers")  # from here on none of them can claim
    await unsettled.hold_waiting(connection, reason=RESTORED)
    await bulk_runs.pause_all(connection)
    # By them was found what was in hand; of a worker that has just come they are alive.
    await connection.execute("DELETE FROM claims WHERE worker_id <> ALL(ARRAY(SELECT id FROM workers))")
    await _remember(connection, identity)
    await connection.execute("UPDATE installation SET held_since = now(), held_reason = $1", RESTORED)


async def _remember(connection: Connection, identity: Identity) -> None:
    await connection.execute(
        """INSERT INTO installation (system_identifier, timeline, database_oid, messages_oid)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (id) DO UPDATE SET system_identifier = excluded.system_identifier,
                  timeline = excluded.timeline, database_oid = excluded.database_oid,
                  messages_oid = excluded.messages_oid""",
        identity.system_identifier,
        identity.timeline,
        identity.database_oid,
        identity.messages_oid,
    )


async def note_copy(connection: Connection) -> None:
    """Note that a backup was just made."""
    await connection.execute("UPDATE installation SET copied_at = now()")


async def last_copy(connection: Connection) -> tuple[datetime, timedelta] | None:
    """Give when the last backup was made, and how long ago by the database's clock; None: never."""
    row = await connection.fetchrow(
        "SELECT copied_at, now() - copied_at AS age FROM installation WHERE copied_at IS NOT NULL"
    )
    return None if row is None else (row["copied_at"], row["age"])


async def is_held(connection: Connection) -> bool:
    """Tell whether the hold of a copy goes on."""
    held: bool | None = await connection.fetchval("SELECT held_since IS NOT NULL FROM installation")
    return bool(held)
