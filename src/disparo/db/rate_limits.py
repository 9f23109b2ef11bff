"""Buckets of calls, see auth/throttle.py."""

from __future__ import annotations

from disparo.db.pool import Connection, sql


async def take(connection: Connection, bucket: str, *, interval_s: float, burst: int) -> float:
    """Take one place; gives 0, or the seconds until there is one."""
    wait_s: float = await connection.fetchval(sql("take_place"), bucket, interval_s, burst)
    return wait_s
