"""Buckets that limit calls (auth/throttle.py), and our questions to platforms (dispatch/polling.py)."""

from __future__ import annotations

from disparo.db.pool import Connection, sql


async def take(
    connection: Connection, bucket: str, *, interval_s: float, burst: int, places: int = 1
) -> float:
    """Take `places` of a bucket, all or none; gives 0, or the seconds until there are so many."""
    wait_s: float = await connection.fetchval(sql("take_place"), bucket, interval_s, burst, places)
    return wait_s
