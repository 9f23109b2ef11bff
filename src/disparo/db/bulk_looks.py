"""What a slice of a bulk run would come to; nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import asyncpg

from disparo.db.bulk_slices import Closed
from disparo.db.pool import Connection, plan_by_size, sql

#: Invoices with an E.164 number each: what the frequency caps would leave out.
Capped = Sequence[tuple[int, str]]


async def simulate_slice(
    connection: Connection,
    ids: Sequence[int],
    *,
    allowed: Sequence[str],
    today: date,
    closed: Closed,
    capped: Capped = (),
    ddds: Sequence[str] = (),
) -> list[asyncpg.Record]:
    """Give what a slice would come to, but for `capped`, by these area codes: see bulk_simulate.sql."""
    await plan_by_size(connection)
    return await connection.fetch(
        sql("bulk_candidates") + sql("bulk_simulate"),
        ids,
        allowed,
        today,
        *_columns(capped),
        ddds,
        *closed.columns,
    )


async def left_out(
    connection: Connection, ids: Sequence[int], *, allowed: Sequence[str], capped: Capped = ()
) -> list[asyncpg.Record]:
    """Give who of a slice would get nothing, and why, `capped` too: see bulk_left_out.sql."""
    await plan_by_size(connection)
    return await connection.fetch(
        sql("bulk_candidates") + sql("bulk_left_out"), ids, allowed, *_columns(capped)
    )


async def turns_of(
    connection: Connection,
    ids: Sequence[int],
    *,
    allowed: Sequence[str],
    now: datetime,
    zone: ZoneInfo,
    closed: Closed,
) -> list[asyncpg.Record]:
    """Give how often each number of a slice would have been written to: see bulk_turns.sql."""
    await plan_by_size(connection)
    return await connection.fetch(
        sql("bulk_candidates") + sql("bulk_turns"),
        ids,
        allowed,
        now,
        zone.key,
        *closed.columns,
    )


def _columns(capped: Capped) -> tuple[list[int], list[str]]:
    return [id_ for id_, _ in capped], [e164 for _, e164 in capped]
