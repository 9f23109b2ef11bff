"""Receipts: stored raw first, matched and applied after."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from disparo.db.pool import Connection, sql
from disparo.domain.outcome import ReceiptEvent


@dataclass(frozen=True, slots=True)
class Told:
    """One receipt, whose it is, and the call as it came."""

    platform: str
    event: ReceiptEvent
    raw: str


async def store(
    connection: Connection, platform: str, events: Sequence[ReceiptEvent], *, raw: str
) -> list[asyncpg.Record]:
    """Keep what a platform said in one call; gives what was not heard before, see `store_all`."""
    return await store_all(connection, [Told(platform, event, raw) for event in events])


async def store_all(connection: Connection, told: Sequence[Told]) -> list[asyncpg.Record]:
    """Keep what platforms said in many calls; gives id, platform, kind and failure of what is new."""
    if not told:
        return []
    events = [item.event for item in told]
    return await connection.fetch(
        sql("store_receipts"),
        [item.platform for item in told],
        [_digest(event) for event in events],
        [event.platform_id for event in events],
        [event.reference for event in events],
        [str(event.kind) for event in events],
        [event.code for event in events],
        [None if event.failure is None else str(event.failure) for event in events],
        [event.carrier for event in events],
        [event.happened_at for event in events],
        [item.raw for item in told],
    )


def _digest(event: ReceiptEvent) -> bytes:
    said = (event.platform_id, event.reference, event.kind, event.code, event.happened_at)
    return hashlib.sha256(repr(said).encode()).digest()


async def lock_waiting(connection: Connection, *, after_id: int, limit: int) -> list[asyncpg.Record]:
    """Lock receipts not applied yet, past `after_id`, leaving those another process works on."""
    return await connection.fetch(
        """SELECT id, platform, platform_id, reference, kind, code, failure FROM receipts
           WHERE applied_at IS NULL AND id > $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED""",
        after_id,
        limit,
    )


async def match(connection: Connection, receipts: Sequence[asyncpg.Record]) -> dict[int, asyncpg.Record]:
    """Find message, attempt and status for receipts, by receipt id; see match_receipts.sql."""
    named = sorted({(row["platform"], row["platform_id"]) for row in receipts if row["platform_id"]})
    await connection.execute(sql("note_receipt_ids"), [p for p, _ in named], [i for _, i in named])
    rows = await connection.fetch(
        sql("match_receipts"),
        [row["id"] for row in receipts],
        [row["platform"] for row in receipts],
        [row["platform_id"] for row in receipts],
        [row["reference"] for row in receipts],
    )
    return {row["receipt_id"]: row for row in rows}


async def mark_applied(connection: Connection, results: Sequence[tuple[int, int, str]]) -> None:
    """Note (receipt id, attempt id, result) of those that found their message."""
    if results:
        await connection.execute(
            """UPDATE receipts r SET applied_at = now(), attempt_id = d.attempt_id, result = d.result
               FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS d (id, attempt_id, result)
               WHERE r.id = d.id""",
            *map(list, zip(*results, strict=True)),
        )


async def give_up_unmatched(connection: Connection) -> None:
    """Stop looking for the message of receipts that are three days old."""
    await connection.execute(
        """UPDATE receipts SET applied_at = now(), result = 'unmatched'
           WHERE id = ANY(ARRAY(SELECT id FROM receipts WHERE applied_at IS NULL
                                AND received_at < now() - interval '72 hours' LIMIT 1000))"""
    )
