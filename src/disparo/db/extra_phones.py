"""How many additional phones each API client used today: so that a stolen token cannot pump SMS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from disparo.db.pool import Connection


async def lock_used(connection: Connection, client_ids: Sequence[int], day: date) -> dict[int, int]:
    """Lock and read the day's counters of these clients."""
    ids = sorted(set(client_ids))
    await connection.execute(
        "INSERT INTO extra_phone_use (client_id, day, used) "
        "SELECT id, $2, 0 FROM unnest($1::int[]) AS t (id) ON CONFLICT DO NOTHING",
        ids,
        day,
    )
    rows = await connection.fetch(
        "SELECT client_id, used FROM extra_phone_use WHERE client_id = ANY($1::int[]) AND day = $2 "
        "ORDER BY client_id FOR UPDATE",
        ids,
        day,
    )
    return {row["client_id"]: row["used"] for row in rows}


async def write_used(connection: Connection, used: Mapping[int, int], day: date) -> None:
    """Write locked counters back."""
    await connection.execute(
        "UPDATE extra_phone_use e SET used = u.used FROM unnest($1::int[], $2::int[]) AS u (client_id, used) "
        "WHERE e.client_id = u.client_id AND e.day = $3",
        list(used),
        list(used.values()),
        day,
    )
