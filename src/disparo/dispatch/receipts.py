"""Receipts find their messages and move them, forward only; late and early ones are listed cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg
import structlog

from disparo.db import messages, phones, receipts
from disparo.db.messages import Move
from disparo.db.pool import Connection, Pool
from disparo.dispatch import figures
from disparo.domain.message import CONTRADICTED_BY_DELIVERY, EVENT_OF_RECEIPT, Event, Status
from disparo.domain.outcome import FailureClass, ReceiptKind

log = structlog.get_logger(__name__)

_AT_ONCE = 500
_RANK = {Event.RECEIPT_SENT: 1, Event.RECEIPT_UNDELIVERED: 2, Event.RECEIPT_DELIVERED: 3}


async def apply_waiting(pool: Pool, *, after_id: int = 0) -> int:
    """Apply every stored receipt past `after_id` that finds its message now; gives how many did.

    Those that find none wait for their outcome to be written, three days at most.
    """
    applied = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            waiting = await receipts.lock_waiting(connection, after_id=after_id, limit=_AT_ONCE)
            if not waiting:
                break
            results = await _apply(connection, waiting)
            after_id = waiting[-1]["id"]
        figures.note_applied(results)
        applied += len(results)
        if len(waiting) < _AT_ONCE:
            break
    return applied


async def give_up_unmatched(pool: Pool) -> None:
    """Stop looking for the message of receipts that are three days old."""
    async with pool.acquire() as connection:
        await receipts.give_up_unmatched(connection)


async def _apply(connection: Connection, waiting: Sequence[asyncpg.Record]) -> list[figures.Applied]:
    found = await receipts.match(connection, waiting)
    matched = [row for row in waiting if row["id"] in found]
    moved = await messages.apply_events(connection, _best_moves(matched, found), actor="receipt")
    moved_by_id = {item.message_id: item for item in moved}
    results, applied = [], []
    for row in matched:
        target = found[row["id"]]
        move = moved_by_id.get(target["message_id"])
        result = _result(row, None if move is None else move.before)
        results.append((row["id"], target["attempt_id"], result))
        applied.append(figures.Applied(row["platform"], result, target["dispatch_id"], move))
        if row["failure"] in (FailureClass.NUMBER, FailureClass.OPT_OUT):
            await phones.mark(
                connection, target["e164"], failure=row["failure"], platform=row["platform"], code=row["code"]
            )
    await receipts.mark_applied(connection, results)
    return applied


def _best_moves(matched: Sequence[asyncpg.Record], found: Mapping[int, asyncpg.Record]) -> list[Move]:
    """Give one move a message: the highest of what this batch says of it."""
    best: dict[int, Move] = {}
    for row in matched:
        event = EVENT_OF_RECEIPT.get(ReceiptKind(row["kind"]))
        if event is None:
            continue
        message_id = found[row["id"]]["message_id"]
        if message_id not in best or _RANK[event] > _RANK[best[message_id].event]:
            best[message_id] = Move(message_id, event, row["failure"] or row["code"])
    return sorted(best.values(), key=lambda move: move.message_id)


def _result(row: asyncpg.Record, before: Status | None) -> str:
    if before is None:
        return "no_move"
    if row["kind"] == ReceiptKind.DELIVERED and before in CONTRADICTED_BY_DELIVERY:
        log.warning("delivery_contradicts_status", platform=row["platform"], before=str(before))
        return "contradiction"
    return "moved"
