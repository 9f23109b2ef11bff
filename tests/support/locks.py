"""Waiting for somebody who waits: on a slow day no fixed time is long enough, and the test would prove nothing."""

from __future__ import annotations

import asyncio

import asyncpg

#: A lock on a transaction names no database: whoever waits for one is known by the others they have.
_HOW_MANY_WAIT = """
    SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid IN (
        SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database())
"""


async def until_somebody_waits(connection: asyncpg.Connection, *, count: int = 1) -> None:
    """Return when `count` other connections to this database wait for a lock."""
    async with asyncio.timeout(30):
        while await connection.fetchval(_HOW_MANY_WAIT) < count:
            await asyncio.sleep(0.01)
