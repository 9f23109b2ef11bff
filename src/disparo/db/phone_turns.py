"""How often a phone is written to: the turns of its notices and collections (frequency caps)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from disparo.db.pool import Connection, sql


class Caps(NamedTuple):
    """The most that one phone gets from a moment on, each with that moment; None: as many as there are."""

    per_day: int | None
    day_from: datetime
    per_week: int | None
    week_from: datetime


async def take(connection: Connection, wanted: Sequence[tuple[int, str]], caps: Caps) -> set[int]:
    """Take turns for messages (id, E.164 number); gives the ids of those that got one.

    In a transaction of its own: until it ends nobody else takes any.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('phone_turns', 0))")
    rows = await connection.fetch(
        sql("take_phone_turns"), [id_ for id_, _ in wanted], [e164 for _, e164 in wanted], *caps
    )
    return {row["message_id"] for row in rows}
