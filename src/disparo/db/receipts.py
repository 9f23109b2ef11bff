"""Receipts: written once, with the message they found; those that found none yet wait."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from disparo.db.pool import Connection, column, sql
from disparo.domain.outcome import FailureClass, ReceiptEvent, ReceiptKind

#: So many bytes hold a moment, in milliseconds.
_CLOCK = 6


@dataclass(slots=True)
class Told:
    """One receipt, whose it is, and the call as it came (empty where it is stored already)."""

    platform: str
    event: ReceiptEvent
    raw: str = ""
    #: Of what is stored: whose it was when it came. Else set where the same was said, word for word, of
    #: another hand-over that the platform gave this id before.
    attempt_id: int | None = None
    _digest: bytes = field(default=b"", init=False, repr=False, compare=False)

    @property
    def digest(self) -> bytes:
        """What tells it from others of its platform, in the order of time where it says one.

        Keys that follow the clock go to the end of their index; others fall into a page of their own each,
        and the larger the table, the more pages are read, written and logged whole.
        """
        if not self._digest:
            event = self.event
            said = (event.platform_id, event.reference, event.kind, event.code, event.happened_at)
            told = said if self.attempt_id is None else (*said, self.attempt_id)
            self._digest = _clock(event) + hashlib.sha256(repr(told).encode()).digest()
        return self._digest

    def set_apart(self, attempt_id: int) -> None:
        """Tell it from the same words that were said of another hand-over."""
        self.attempt_id, self._digest = attempt_id, b""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stored receipt that has not found its message."""

    id: int
    told: Told


def distinct(told: Sequence[Told]) -> list[Told]:
    """Drop what is said twice."""
    return list({(item.platform, item.digest): item for item in told}.values())


async def store(
    connection: Connection, told: Sequence[Told], effects: Mapping[int, tuple[int, str | None]] | None = None
) -> list[Told]:
    """Write receipts down, and by their place in `told` the attempt and the effect of those that found one.

    Gives what was not stored before. Others wait for their message, and what has no effect yet for one.
    """
    if not told:
        return []
    effects = effects or {}
    events = [item.event for item in told]
    found = [effects.get(place, (None, None)) for place in range(len(told))]
    rows = await connection.fetch(
        sql("store_receipts"),
        [item.platform for item in told],
        [item.digest for item in told],
        column([event.platform_id for event in events]),
        column([event.reference for event in events]),
        [str(event.kind) for event in events],
        column([event.code for event in events]),
        column([None if event.failure is None else str(event.failure) for event in events]),
        column([event.carrier for event in events]),
        column([event.happened_at for event in events]),
        [item.raw for item in told],
        column([attempt_id for attempt_id, _ in found]),
        column([result for _, result in found]),
    )
    return [told[row["place"] - 1] for row in rows]


def _clock(event: ReceiptEvent) -> bytes:
    if event.happened_at is not None:
        return max(0, int(event.happened_at.timestamp() * 1000)).to_bytes(_CLOCK)
    try:
        return bytes.fromhex((event.reference or "")[: 2 * _CLOCK])
    except ValueError:  # no reference of ours
        return b""


async def lock_waiting(connection: Connection, *, after_id: int, limit: int) -> list[Waiting]:
    """Lock receipts not applied yet, past `after_id`, leaving those another process works on."""
    rows = await connection.fetch(
        """SELECT id, platform, platform_id, reference, kind, code, failure, attempt_id FROM receipts
           WHERE applied_at IS NULL AND id > $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED""",
        after_id,
        limit,
    )
    return [_waiting(row) for row in rows]


async def lock_waiting_for(connection: Connection, named: Collection[tuple[str, str]]) -> list[Waiting]:
    """Lock receipts not applied yet that name these messages by (platform, its id)."""
    rows = await connection.fetch(
        """SELECT id, platform, platform_id, reference, kind, code, failure, attempt_id FROM receipts
           WHERE id = ANY(ARRAY(
               SELECT w.id FROM unnest($1::text[], $2::text[]) AS n (platform, platform_id)
               JOIN receipts w ON w.platform = n.platform AND w.platform_id = n.platform_id
                              AND w.applied_at IS NULL))
           ORDER BY id FOR UPDATE SKIP LOCKED""",
        *map(list, zip(*named, strict=True)),
    )
    return [_waiting(row) for row in rows]


def _waiting(row: asyncpg.Record) -> Waiting:
    return Waiting(row["id"], Told(row["platform"], _event(row), attempt_id=row["attempt_id"]))


def _event(row: asyncpg.Record) -> ReceiptEvent:
    return ReceiptEvent(
        kind=ReceiptKind(row["kind"]),
        platform_id=row["platform_id"],
        reference=row["reference"],
        code=row["code"],
        failure=FailureClass(row["failure"]) if row["failure"] else None,
    )


async def match(
    connection: Connection, told: Sequence[Told], *, stored: bool = False
) -> list[asyncpg.Record]:
    """Find message, attempt and status of each receipt, NULL where there is none; see match_receipts.sql.

    Whoever finds none is noted, so that the outcome finds it, and looks once more. `stored`: they are stored
    already, nobody need ask whether they were heard before.
    """
    rows = await _match(connection, told, stored=stored)
    if stored:  # noted when they came
        return rows
    if again := [place for place, row in enumerate(rows) if row["heard_of_another"]]:
        for place in again:
            told[place].set_apart(rows[place]["attempt_id"])
        await _look_again(connection, told, again, rows)
    lost = [
        place
        for place, row in enumerate(rows)
        if row["attempt_id"] is None and not row["heard"] and told[place].event.platform_id
    ]
    if lost:
        named = {(told[place].platform, told[place].event.platform_id or "") for place in lost}
        await connection.execute(sql("note_receipt_ids"), *map(list, zip(*named, strict=True)))
        await _look_again(connection, told, lost, rows)
    return rows


async def _look_again(
    connection: Connection, told: Sequence[Told], places: Sequence[int], rows: list[asyncpg.Record]
) -> None:
    found = await _match(connection, [told[place] for place in places], stored=False)
    for place, row in zip(places, found, strict=True):
        rows[place] = row


async def _match(connection: Connection, told: Sequence[Told], *, stored: bool) -> list[asyncpg.Record]:
    return await connection.fetch(
        sql("match_receipts"),
        [item.platform for item in told],
        column([item.event.platform_id for item in told]),
        column([item.event.reference for item in told]),
        column([None if stored else item.digest for item in told]),
        column([item.attempt_id for item in told]),
    )


async def name_attempts(connection: Connection, named: Sequence[tuple[str, str, int]]) -> None:
    """Note the platform's ids, as (platform, its id, attempt), of hand-overs whose answer never came."""
    if named:
        await connection.execute(sql("name_attempts"), *map(list, zip(*sorted(named), strict=True)))


async def mark_applied(connection: Connection, results: Sequence[tuple[int, int, str, bool]]) -> None:
    """Note (receipt id, attempt id, result, is erased) of those that waited and found their message."""
    if results:
        await connection.execute(
            """UPDATE receipts r SET applied_at = now(), attempt_id = d.attempt_id, result = d.result,
                      raw = CASE WHEN d.is_erased THEN '' ELSE r.raw END
               FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::boolean[])
                    AS d (id, attempt_id, result, is_erased)
               WHERE r.id = d.id""",
            *map(list, zip(*results, strict=True)),
        )


async def find_later(connection: Connection, attempt_ids: Collection[int]) -> tuple[set[int], set[int]]:
    """Tell, of hand-overs after which their message was sent again, what came of the later ones.

    First those of which nothing did: they are their message's last; and those that had no effect themselves:
    what was taken for theirs is the last one's. Then those of which nobody knows it.
    """
    rows = await connection.fetch(
        """SELECT t.id,
                  (SELECT coalesce(outcome, '') IN ('refused', 'not_taken', 'not_started')
                   FROM attempts WHERE id = t.id) AS had_none,
                  (SELECT max(CASE WHEN a.outcome IN ('refused', 'not_taken', 'not_started') THEN 0
                                   WHEN coalesce(a.outcome, 'ambiguous') = 'ambiguous' THEN 1 ELSE 2 END)
                   FROM attempts a
                   WHERE a.message_id = (SELECT message_id FROM attempts WHERE id = t.id)
                     AND a.id > t.id) AS came
           FROM unnest($1::bigint[]) AS t (id)""",
        sorted(attempt_ids),
    )
    last = {row["id"] for row in rows if row["had_none"] or not row["came"]}
    return last, {row["id"] for row in rows if row["came"] == 1} - last


async def give_up_unmatched(connection: Connection) -> None:
    """Stop looking for the message, or its end, of receipts that are three days old."""
    await connection.execute(
        """UPDATE receipts SET applied_at = now(),
                  result = CASE WHEN attempt_id IS NULL THEN 'unmatched' ELSE 'no_move' END
           WHERE id = ANY(ARRAY(SELECT id FROM receipts WHERE applied_at IS NULL
                                AND received_at < now() - interval '72 hours' LIMIT 1000))"""
    )
