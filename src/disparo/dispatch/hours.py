"""Looks again, when the settings change, at what waits for hours of a platform that they have no more.

A message that no platform takes at this hour waits until one opens, be it until tomorrow. Where that hour was
a slip of the pen, or another platform was added since, it need not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg

from disparo import queue
from disparo.db import chunks
from disparo.db.pool import Pool
from disparo.domain.routing import NoRoute, Route, choose, stay

#: Chunks at a time: nobody waits for long for the rows of their messages, nor while they are looked through.
AT_ONCE = 50


@dataclass(slots=True)
class Look:
    """One look, by these routes, through all that waits when it begins; a part at a time.

    What comes back to wait meanwhile is not looked at twice: one whose text fits only on the platform that
    has no hours waits for it, whatever other one is open.
    """

    routes: Sequence[Route]
    zone: ZoneInfo
    is_over: bool = field(default=False, init=False)
    _after: int = field(default=0, init=False)
    _began_at: datetime | None = field(default=None, init=False)

    async def go_on(self, pool: Pool) -> int:
        """Make due what waits for hours longer than by these routes; gives in how many chunks.

        What is to wait all the same, beside it, is put back by its last look.
        """
        async with pool.acquire() as connection, connection.transaction():
            waiting = await chunks.waiting_for_hours(
                connection, after=self._after, until=self._began_at, limit=AT_ONCE
            )
            found = sorted(
                {row["chunk_id"] for row in waiting if _waits_too_long(row, self.routes, self.zone)}
            )
            if found:
                await chunks.make_due(connection, found)
                await queue.bring_forward(connection, found)
        if waiting:
            self._began_at = self._began_at or waiting[0]["now"]
            self._after = max(row["place"] for row in waiting)
        self.is_over = len({row["chunk_id"] for row in waiting}) < AT_ONCE
        return len(found)


def _waits_too_long(row: asyncpg.Record, routes: Sequence[Route], zone: ZoneInfo) -> bool:
    opens_at = _opens_at(row, routes, row["now"].astimezone(zone))
    return opens_at is not None and opens_at < row["due_at"]


def _opens_at(row: asyncpg.Record, routes: Sequence[Route], local: datetime) -> datetime | None:
    """Give when a platform has hours for a message, whether or not it works; None: there is none for it."""
    if row["platform"] is not None:
        where = stay(
            routes, row["platform"], local=local, has_room=lambda _: True, is_day_full=lambda _: False
        )
    else:
        where = choose(
            routes,
            ddd=row["ddd"],
            local=local,
            is_usable=lambda _: True,
            has_room=lambda _: True,
            avoid=None,
            draw=0.0,
        )
    return where.until if isinstance(where, NoRoute) else local
