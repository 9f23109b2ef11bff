"""A platform's limits, shared by all workers: moments, the day's count, places of the window."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from disparo.db.pool import Connection, sql


@dataclass(frozen=True, slots=True)
class Slots:
    """`count` hand-overs may be written, the first `wait_s` seconds from now.

    `day_full_s` above 0: the day's count is used up, and a new day begins in so many seconds.
    """

    count: int
    wait_s: float
    day_full_s: float


async def take_slots(
    connection: Connection,
    platform: str,
    *,
    per_second: float | None,
    per_day: int | None,
    zone: str,
    wanted: int,
) -> Slots:
    """Take up to `wanted` slots, none further ahead than 250 ms; 0 with a wait where there is none."""
    interval_s = 0.0 if per_second is None else 1.0 / per_second
    row = await connection.fetchrow(sql("take_slots"), platform, interval_s, wanted, per_day, zone)
    assert row is not None  # noqa: S101 - for the type checker: the statement always has one row
    return Slots(row["granted"], max(0.0, row["wait_s"]), max(0.0, row["day_full_s"]))


async def give_back_slots(connection: Connection, platform: str, count: int) -> None:
    """Take hand-overs that did not happen off the day's count; their moments are gone."""
    await connection.execute(
        "UPDATE platform_rates SET day_used = greatest(0, day_used - $2) WHERE platform = $1", platform, count
    )


async def share_window(
    connection: Connection, platform: str, worker_id: UUID, *, wants: int, in_flight: int, window: int
) -> int:
    """Ask for places of a platform's window, inside the caller's transaction; gives how many are held now."""
    await connection.execute(
        "INSERT INTO platform_rates (platform, tat) VALUES ($1, now()) ON CONFLICT DO NOTHING", platform
    )
    await connection.execute("SELECT FROM platform_rates WHERE platform = $1 FOR UPDATE", platform)
    try:
        held: int = await connection.fetchval(
            sql("share_window"), platform, worker_id, wants, in_flight, window
        )
    except asyncpg.ForeignKeyViolationError:  # taken over meanwhile: it has no share of anything
        return 0
    return held
