"""A platform's rate, shared by all workers: time slots taken from one row, each in its own transaction."""

from __future__ import annotations

from dataclasses import dataclass

from disparo.db.pool import Connection, sql


@dataclass(frozen=True, slots=True)
class Slots:
    """`count` hand-overs may be written, the first `wait_s` seconds from now."""

    count: int
    wait_s: float


async def take_slots(connection: Connection, platform: str, *, per_second: float, wanted: int) -> Slots:
    """Take up to `wanted` slots, none further ahead than 250 ms; 0 with a wait where there is none."""
    row = await connection.fetchrow(sql("take_slots"), platform, 1.0 / per_second, wanted)
    assert row is not None  # noqa: S101 - for the type checker: the statement always has one row
    return Slots(row["granted"], max(0.0, row["wait_s"]))
