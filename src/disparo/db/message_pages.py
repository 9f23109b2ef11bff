"""Pages of messages for screens, newest first; each statement's cost is bounded, whatever the table holds.

A page goes on from a key, never from an offset. Where no index leads to what is wanted, a page looks
through so many ids and says how far it got.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from disparo.db.pool import Connection, sql
from disparo.db.where import AFTER_ALL
from disparo.domain.message import NEVER_SENT, Status

#: How many ids one page looks through where it must look at each.
WINDOW = 10_000
_WINDOW_OF_DISPATCH = 3000
LAST_ID = 2**63 - 1
_FIRST_PAGE = (AFTER_ALL, LAST_ID)
#: Those that the column `trouble` repeats, and so have an index of their own.
RARE = frozenset({*NEVER_SENT, Status.UNDELIVERED, Status.UNCERTAIN, Status.HELD})
#: Of these, those that have a reason to be told.
NOT_ARRIVED = RARE - {Status.CANCELLED}
#: Ids follow the clock but for messages that were stored at the same time.
_SLACK = timedelta(minutes=1)
_COLUMNS = """m.id, m.dispatch_id, m.invoice_id, m.customer_id, m.name, m.phone, m.e164, m.status, m.reason,
              m.platform, m.segments, m.created_at, m.changed_at"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a list of messages; None: any."""

    status: str | None
    platform: str | None
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of messages; the next one has the ids below `next_id`, None at the end."""

    rows: Sequence[asyncpg.Record]
    next_id: int | None


async def page(connection: Connection, wanted: Wanted, *, before: int | None, limit: int) -> Found:
    """Give messages with ids below `before`, the newest first."""
    top = before or LAST_ID
    if wanted.until is not None:
        top = min(top, await _first_id_since(connection, wanted.until + _SLACK))
    bottom = 0 if wanted.since is None else await _first_id_since(connection, wanted.since - _SLACK)
    if wanted.status in RARE:
        return await _by_status(connection, wanted, top, bottom, limit)
    newest: int = await connection.fetchval("SELECT coalesce(max(id), 0) FROM messages WHERE id < $1", top)
    floor = max(bottom, newest + 1 - WINDOW)
    rows = await _by_id(connection, wanted, top, floor, limit)
    if len(rows) > limit:
        return Found(rows[:limit], rows[limit - 1]["id"])
    return Found(rows, floor if floor > max(bottom, 1) else None)


async def _by_status(connection: Connection, wanted: Wanted, top: int, bottom: int, limit: int) -> Found:
    # A cancelled run has as many as the table has others: in this order only their own index gives them.
    theirs = f"""m.trouble IS NOT NULL AND (m.trouble, m.id) < ('{wanted.status}', $1)
                 AND (m.trouble, m.id) >= ('{wanted.status}', $2)"""
    order = "m.trouble DESC, m.id DESC"
    floor: int | None = None
    if wanted.platform is not None:
        floor = await connection.fetchval(
            f"""SELECT m.id FROM messages m WHERE {theirs}
                ORDER BY {order} LIMIT 1 OFFSET $3""",  # noqa: S608 - one of our own words
            top,
            bottom,
            WINDOW - 1,
        )
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM messages m
            WHERE {theirs} AND ($3::text IS NULL OR m.platform = $3)
              AND ($4::timestamptz IS NULL OR m.created_at >= $4)
              AND ($5::timestamptz IS NULL OR m.created_at < $5)
            ORDER BY {order} LIMIT $6""",  # noqa: S608 - one of our own words
        top,
        bottom if floor is None else floor,
        wanted.platform,
        wanted.since,
        wanted.until,
        limit + 1,
    )
    if len(rows) > limit:
        return Found(rows[:limit], rows[limit - 1]["id"])
    return Found(rows, floor)


async def _by_id(
    connection: Connection, wanted: Wanted, top: int, floor: int, limit: int
) -> list[asyncpg.Record]:
    return await connection.fetch(
        f"""SELECT {_COLUMNS} FROM messages m
            WHERE m.id < $1 AND m.id >= $2 AND ($3::text IS NULL OR m.status = $3)
              AND ($4::text IS NULL OR m.platform = $4)
              AND ($5::timestamptz IS NULL OR m.created_at >= $5)
              AND ($6::timestamptz IS NULL OR m.created_at < $6)
            ORDER BY m.id DESC LIMIT $7""",  # noqa: S608 - our own words
        top,
        floor,
        wanted.status,
        wanted.platform,
        wanted.since,
        wanted.until,
        limit + 1,
    )


async def _first_id_since(connection: Connection, moment: datetime) -> int:
    found: int = await connection.fetchval(sql("first_message_since"), moment)
    return found


async def of_phone(
    connection: Connection, e164: str, *, before: tuple[datetime, int] | None, limit: int
) -> list[asyncpg.Record]:
    """Give a phone's messages, the newest first: one more than `limit` where there are more."""
    return await connection.fetch(
        f"""SELECT {_COLUMNS} FROM messages m
            WHERE m.e164 = $1 AND m.created_at <= $2 AND (m.created_at, m.id) < ($2, $3)
            ORDER BY m.created_at DESC, m.id DESC LIMIT $4""",  # noqa: S608 - our own words
        e164,
        *(before or _FIRST_PAGE),
        limit + 1,
    )


async def of_invoices(
    connection: Connection, invoice_ids: Sequence[int], *, before: tuple[datetime, int] | None, limit: int
) -> list[asyncpg.Record]:
    """Give the messages of some invoices, the newest first: one more than `limit` where there are more."""
    return await connection.fetch(
        f"""SELECT {_COLUMNS} FROM unnest($1::bigint[]) AS w (invoice_id) CROSS JOIN LATERAL (
                SELECT * FROM messages t
                WHERE t.invoice_id = w.invoice_id AND t.created_at <= $2 AND (t.created_at, t.id) < ($2, $3)
                ORDER BY t.created_at DESC, t.id DESC LIMIT $4) m
            ORDER BY m.created_at DESC, m.id DESC LIMIT $4""",  # noqa: S608 - our own words
        invoice_ids,
        *(before or _FIRST_PAGE),
        limit + 1,
    )


async def of_dispatch(
    connection: Connection,
    dispatch_id: UUID,
    *,
    status: str | None,
    after: tuple[int, str] | None,
    limit: int,
) -> tuple[list[asyncpg.Record], tuple[int, str] | None]:
    """Give a dispatch's messages in the order of invoice and phone, and where the next page begins."""
    rare = status in RARE
    looked_at = limit + 1 if status is None or rare else max(_WINDOW_OF_DISPATCH, limit + 1)
    rows = await connection.fetch(
        f"""WITH looked AS MATERIALIZED (
                SELECT {_COLUMNS} FROM messages m
                WHERE m.dispatch_id = $1 AND (m.invoice_id, m.e164) > ($2, $3)
                      {f"AND m.trouble = '{status}'" if rare else ""}
                ORDER BY m.invoice_id, m.e164 LIMIT $4)
            (SELECT false AS is_end, l.* FROM looked l WHERE $5::text IS NULL OR l.status = $5
             ORDER BY invoice_id, e164 LIMIT $6)
            UNION ALL
            (SELECT true, l.* FROM looked l WHERE (SELECT count(*) FROM looked) = $4
             ORDER BY invoice_id DESC, e164 DESC LIMIT 1)""",  # noqa: S608 - our own words
        dispatch_id,
        *(after or (0, "")),
        looked_at,
        status,
        limit + 1,
    )
    chosen = [row for row in rows if not row["is_end"]]
    if len(chosen) > limit:
        return chosen[:limit], (chosen[limit - 1]["invoice_id"], chosen[limit - 1]["e164"])
    ends = [(row["invoice_id"], row["e164"]) for row in rows if row["is_end"]]
    return chosen, ends[0] if ends else None


async def codes(connection: Connection, rows: Sequence[asyncpg.Record]) -> dict[int, str]:
    """Give, of the rows of a page, the code that came with the reason for which each did not arrive."""
    wanted = [
        row["id"] for row in rows if row["status"] in (Status.FAILED, Status.UNDELIVERED, Status.UNCERTAIN)
    ]
    if not wanted:
        return {}
    found = await connection.fetch(
        """SELECT m.id, coalesce(r.code, a.code) AS code
           FROM messages m
           LEFT JOIN LATERAL (
               SELECT r.code FROM attempts t JOIN receipts r ON r.attempt_id = t.id
               WHERE t.message_id = m.id AND m.status = 'undelivered' AND r.code <> ''
                 AND r.failure IS NOT DISTINCT FROM m.reason ORDER BY r.id DESC LIMIT 1) r ON true
           LEFT JOIN LATERAL (
               SELECT t.code FROM attempts t
               WHERE t.message_id = m.id AND m.status <> 'undelivered' AND t.code <> ''
                 AND t.failure IS NOT DISTINCT FROM m.reason ORDER BY t.id DESC LIMIT 1) a ON true
           WHERE m.id = ANY($1::bigint[])""",
        wanted,
    )
    return {row["id"]: row["code"] for row in found if row["code"]}
