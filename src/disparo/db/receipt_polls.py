"""Hand-overs whose receipts must be asked for, since their platform brings none."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from disparo.db.pool import Connection, sql
from disparo.domain.message import Status

#: Each hand-over is looked at once: one whose outcome nobody knows yet may still turn out to be accepted.
_UNCONFIRMED = [Status.SENDING, Status.UNCERTAIN, Status.ACCEPTED, Status.SENT]
#: Asked about after 1, 2, 4 ... times the platform's `after_s`; after that it stays without.
_ASKED_AT_MOST = 8


async def fill(connection: Connection, after_s: Mapping[str, float], *, limit: int) -> int:
    """Note hand-overs to be asked about, by platform after so many seconds; gives how many were read."""
    seen: int = await connection.fetchval(
        sql("fill_receipt_polls"),
        list(after_s),
        list(after_s.values()),
        min(after_s.values()),
        _UNCONFIRMED,
        limit,
    )
    return seen


async def take(connection: Connection, platform: str, *, after_s: float, look_at: int) -> asyncpg.Record:
    """Take the next hand-over to ask about: reference and platform_id, null where none waits of those seen.

    `looked`: how many that are due were seen, at most `look_at`; those that no longer wait are gone.
    """
    row = await connection.fetchrow(
        sql("take_receipt_poll"), platform, after_s, _UNCONFIRMED, _ASKED_AT_MOST, look_at
    )
    assert row is not None  # noqa: S101 - for the type checker: the statement always has one row
    return row
