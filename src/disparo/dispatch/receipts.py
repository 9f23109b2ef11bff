"""Receipts find their messages and move them, forward only; late and early ones are listed cases."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import asyncpg
import structlog

from disparo.db import alerts, messages, phones, receipts
from disparo.db.messages import Move
from disparo.db.pool import ROW_REFUSED, Connection, Pool
from disparo.db.receipts import Told, Waiting
from disparo.dispatch import figures
from disparo.domain.message import (
    CONTRADICTED_BY_DELIVERY,
    EVENT_OF_RECEIPT,
    NOT_GONE_YET,
    Event,
    Status,
)
from disparo.domain.outcome import ReceiptKind

log = structlog.get_logger(__name__)

_AT_ONCE = 500
_TO_GO_AGAIN = frozenset({Status.QUEUED, Status.CLAIMED})
#: Uncertain, or waiting to go again: its last hand-over may have an id that no answer told.
_OF_NO_ANSWER = _TO_GO_AGAIN | {Status.UNCERTAIN}
_RANK = {Event.RECEIPT_SENT: 1, Event.RECEIPT_UNDELIVERED: 2, Event.RECEIPT_DELIVERED: 3}


@dataclass(frozen=True, slots=True)
class Taken:
    """What was new of what platforms said, and what became of it."""

    new: Sequence[Told] = ()
    applied: Sequence[figures.Applied] = ()


async def take(connection: Connection, told: Sequence[Told]) -> Taken:
    """Apply and write down what platforms said, in the caller's transaction; what is not new is dropped.

    Those that find no message wait for their outcome to be written, three days at most; so does a failure
    while it is open what becomes of sending the message again.
    """
    told = receipts.distinct(told)
    if not told:
        return Taken()
    rows = await receipts.match(connection, told)
    new = [(item, row) for item, row in zip(told, rows, strict=True) if not row["heard"]]
    applied = await _apply(connection, new, is_heard_first=True)
    effects = {
        place: (row["attempt_id"], applied[place].result if place in applied else None)
        for place, (_, row) in enumerate(new)
        if row["attempt_id"] is not None
    }
    kept = [replace(item, raw="") if row["is_erased"] else item for item, row in new]
    return Taken(await receipts.store(connection, kept, effects), list(applied.values()))


async def take_one(pool: Pool, told: Told) -> bool:
    """Take what a platform answered when it was asked; tells whether that is new."""
    try:
        async with pool.acquire() as connection, connection.transaction():
            taken = await take(connection, [told])
    except ROW_REFUSED as error:  # it is about this one alone: the next ones must be asked about
        log.error("answer_refused", platform=told.platform, error=type(error).__name__)
        return False
    note(taken)
    return bool(taken.new)


def note(taken: Taken) -> None:
    """Count what was taken, once that is committed."""
    figures.note_receipts(taken.new)
    figures.note_applied(taken.applied)


async def apply_waiting(pool: Pool) -> int:
    """Apply every receipt that waits and finds its message now; gives how many did.

    One that the database refuses is left waiting, and keeps no other from being applied.
    """
    done, after_id, alone = 0, 0, 0
    while True:
        waiting: Sequence[Waiting] = ()
        try:
            async with pool.acquire() as connection, connection.transaction():
                limit = 1 if alone else _AT_ONCE
                waiting = await receipts.lock_waiting(connection, after_id=after_id, limit=limit)
                applied = await _apply_stored(connection, waiting)
        except ROW_REFUSED as error:
            if len(waiting) > 1:  # one of them is the cause, or some together: each of these by itself
                alone = len(waiting)
                continue
            if not waiting:
                raise
            log.error("receipt_refused", receipt=waiting[0].id, error=type(error).__name__)
            after_id, alone = waiting[0].id, 0
            continue
        figures.note_applied(applied)
        done += len(applied)
        if len(waiting) < limit:
            return done
        after_id, alone = waiting[-1].id, max(0, alone - 1)


async def apply_early(pool: Pool, named: Collection[tuple[str, str]]) -> None:
    """Apply the receipts that came before the outcomes of these messages: (platform, its id) of each."""
    async with pool.acquire() as connection, connection.transaction():
        applied = await _apply_stored(connection, await receipts.lock_waiting_for(connection, named))
    figures.note_applied(applied)


async def _apply_stored(connection: Connection, waiting: Sequence[Waiting]) -> list[figures.Applied]:
    if not waiting:
        return []
    told = [item.told for item in waiting]
    rows = await receipts.match(connection, told, stored=True)
    applied = await _apply(connection, list(zip(told, rows, strict=True)))
    await receipts.mark_applied(
        connection,
        [
            (waiting[place].id, item.attempt_id, item.result, rows[place]["is_erased"])
            for place, item in applied.items()
        ],
    )
    return list(applied.values())


async def give_up_unmatched(pool: Pool) -> None:
    """Stop looking for the message of receipts that are three days old."""
    async with pool.acquire() as connection:
        await receipts.give_up_unmatched(connection)


async def _apply(
    connection: Connection, told: Sequence[tuple[Told, asyncpg.Record]], *, is_heard_first: bool = False
) -> dict[int, figures.Applied]:
    """Move the messages that receipts tell of; gives, by their place, what became of those that found one.

    But for failures that wait, see `take`.
    """
    found = {place: pair for place, pair in enumerate(told) if pair[1]["attempt_id"] is not None}
    if not found:
        return {}
    await receipts.name_attempts(
        connection,
        [
            (item.platform, item.event.platform_id, row["attempt_id"])
            for item, row in found.values()
            if item.event.platform_id and (row["status"] in _OF_NO_ANSWER or _is_of_an_earlier_one(row))
        ],
    )
    earlier = {row["attempt_id"] for _, row in found.values() if _is_of_an_earlier_one(row)}
    undone, unsure = await receipts.find_later(connection, earlier) if earlier else (set(), set())
    earlier -= undone
    moved = await messages.apply_events(connection, _best_moves(found.values(), earlier), actor="receipt")
    move_of = {item.message_id: item for item in moved}
    applied, contradicted, waiting = {}, {}, set[int]()
    for place, (item, row) in found.items():
        move = move_of.get(row["message_id"])
        if _is_of_no_effect(item, row, earlier):
            move = None
            if row["status"] in _TO_GO_AGAIN or row["attempt_id"] in unsure:
                waiting.add(place)
                continue
        result = _result(item, None if move is None else move.before, may_have_left=row["tries"] > 0)
        applied[place] = figures.Applied(item.platform, result, row["dispatch_id"], row["attempt_id"], move)
        if result == "contradiction":
            contradicted[item.platform] = str(row["message_id"])
    await phones.mark_all(
        connection,
        (
            phones.Mark(row["e164"], item.event.failure, item.platform, item.event.code)
            for place, (item, row) in found.items()
            if item.event.failure in phones.OF_THE_NUMBER
            # Once: a person may have lifted the mark since.
            and (is_heard_first or (item.attempt_id is None and place not in waiting))
        ),
    )
    for platform, message_id in sorted(contradicted.items()):
        await alerts.raise_or_renew(connection, alerts.CONTRADICTED, platform, detail=message_id)
    return applied


def _best_moves(found: Iterable[tuple[Told, asyncpg.Record]], earlier: Collection[int]) -> list[Move]:
    """Give one move a message: the highest of what this batch says of it.

    `earlier`: attempts after which their messages were sent again, to some effect.
    """
    best: dict[int, Move] = {}
    for item, row in found:
        said, message_id = item.event, row["message_id"]
        event = EVENT_OF_RECEIPT.get(said.kind)
        if event is None or _is_of_no_effect(item, row, earlier):
            continue
        if message_id not in best or _RANK[event] > _RANK[best[message_id].event]:
            # A person reads the code as the reason: of what went well there is none.
            why = (said.failure or said.code) if event is Event.RECEIPT_UNDELIVERED else None
            # It may have been sent again since it was looked up: what failed then must not end the next one.
            of_attempt = row["last_attempt_id"] if event is Event.RECEIPT_UNDELIVERED else None
            best[message_id] = Move(message_id, event, why, of_attempt)
    return sorted(best.values(), key=lambda move: move.message_id)


def _is_of_an_earlier_one(row: asyncpg.Record) -> bool:
    """Tell whether a message was sent again since the hand-over that a receipt is of."""
    return bool(row["attempt_id"] != row["last_attempt_id"])


def _is_of_no_effect(item: Told, row: asyncpg.Record, earlier: Collection[int]) -> bool:
    """Tell whether this is the failure of a hand-over after which the message goes again, or went.

    It says nothing of the next, as a delivery does; but it is the message's end if nothing comes of that.
    """
    return item.event.kind == ReceiptKind.UNDELIVERED and (
        row["status"] in _TO_GO_AGAIN or row["attempt_id"] in earlier
    )


def _result(item: Told, before: Status | None, *, may_have_left: bool) -> str:
    if before is None:
        return "no_move"
    is_no_news = may_have_left and before in NOT_GONE_YET
    if item.event.kind == ReceiptKind.DELIVERED and before in CONTRADICTED_BY_DELIVERY and not is_no_news:
        log.warning("delivery_contradicts_status", platform=item.platform, before=str(before))
        return "contradiction"
    return "moved"
