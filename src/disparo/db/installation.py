"""Tells whether this is the database we last ran on, or a restored or promoted copy (docs/delivery.md §8)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from disparo.db import bulk_runs, sessions, unsettled
from disparo.db.pool import Connection, connected

RESTORED = "restored"


async def recognise(connection: Connection) -> bool:
    """Note a first start; hold everything and answer False where this is a copy. In one transaction."""
    known = await connection.fetchrow("SELECT messages_oid FROM installation FOR UPDATE")
    if known is not None and await is_unnoticed_copy(connection):
        await _hold(connection)
        return False
    if known is None or known["messages_oid"] is None:
        await _remember(connection)
    return True


async def is_unnoticed_copy(connection: Connection) -> bool:
    """Tell whether this is a copy on which nothing has run yet, and changes nothing; a standby is none."""
    is_one: bool = await connection.fetchval("SELECT is_unnoticed_copy()")
    return is_one


async def hold_after_restore(dsn: str) -> list[UUID]:
    """Hold what waits in a restored database, so that history is not sent again; gives the paused runs."""
    async with connected(dsn) as connection, connection.transaction():
        await _hold(connection)
        await sessions.end_everybodys(connection)  # who was shut out since then would be in again
        return await bulk_runs.paused(connection)


async def list_restored(connection: Connection, *, limit: int) -> list[int]:
    """List the messages that the hold of a copy keeps, oldest first."""
    rows = await connection.fetch(
        """SELECT id FROM messages
           WHERE trouble IS NOT NULL AND trouble >= 'held' AND trouble <= 'held' AND reason = $1
           ORDER BY trouble, id LIMIT $2  -- of many, by id alone all other messages would be read too""",
        RESTORED,
        limit,
    )
    return [row["id"] for row in rows]


async def end_hold(connection: Connection) -> None:
    """End the hold of a copy."""
    await connection.execute("UPDATE installation SET held_since = NULL, held_reason = NULL")


async def _hold(connection: Connection) -> None:
    await connection.execute("DELETE FROM workers")  # from here on none of them can claim
    await unsettled.hold_waiting(connection, reason=RESTORED)
    await bulk_runs.pause_all(connection)
    # By them was found what was in hand; of a worker that has just come they are alive.
    await connection.execute("DELETE FROM claims WHERE worker_id <> ALL(ARRAY(SELECT id FROM workers))")
    await _remember(connection)
    await connection.execute("UPDATE installation SET held_since = now(), held_reason = $1", RESTORED)


async def _remember(connection: Connection) -> None:
    await connection.execute(
        """INSERT INTO installation (system_identifier, timeline, database_oid, messages_oid)
           SELECT system_identifier, timeline, database_oid, messages_oid FROM this_database()
           ON CONFLICT (id) DO UPDATE SET system_identifier = excluded.system_identifier,
                  timeline = excluded.timeline, database_oid = excluded.database_oid,
                  messages_oid = excluded.messages_oid"""
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
