"""The recorder: writes outcomes down, whatever becomes of leases, connections or the engine.

It has a pool of its own and no patience limit: an outcome is a fact and is never given up. What takes the
place of recorded messages is started in the same transaction (docs/decisions/0004).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg
import structlog

from disparo import failpoints, queue
from disparo.db import messages, phones
from disparo.db.messages import Recorded, Start
from disparo.db.pool import TRANSIENT, Connection, Pool
from disparo.dispatch import figures, receipts, reconcile
from disparo.dispatch.pace import Pace
from disparo.domain.message import EVENT_OF_OUTCOME
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.domain.retry import backoff_s

log = structlog.get_logger(__name__)

_BATCH = 500
#: Batches begin so far apart, unless so many wait: a commit costs the same for one as for all.
_APART_S, _ENOUGH = 0.02, 20
_RETRY_S = 0.2


class Following(NamedTuple):
    """Messages of one lane that are started in the transaction which gives them their places.

    `committed` is called with the attempt ids by message id of those that may be written; else `failed`.
    """

    starts: Sequence[Start]
    platform: str
    worker_id: UUID
    committed: Callable[[dict[int, int]], None]
    failed: Callable[[], None]


#: Asked with how many places of a lane are given back; gives what takes them, if anything does.
Follow = Callable[[int], Following | None]


class Entry(NamedTuple):
    """One outcome on its way to the table; `written` is called once it is committed.

    `follow`: of its lane, where it gives a place back.
    """

    result: Recorded
    written: Callable[[], None]
    follow: Follow | None = None


def to_result(
    outcome: Outcome,
    *,
    attempt_id: int,
    message_id: int,
    platform: str,
    latency_ms: int,
    not_taken: int,
    elsewhere: bool,
) -> Recorded:
    """Shape an outcome for the table, with the wait before the next try if there is to be one.

    `elsewhere`: the next try may be another platform's, which knows nothing of this one's troubles.
    """
    wait_s = 0.0
    if outcome.kind is not OutcomeKind.ACCEPTED:
        wait_s = backoff_s(
            not_taken,
            failure=None if elsewhere else outcome.failure,
            retry_after_s=None if elsewhere else outcome.retry_after_s,
            jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
        )
    return Recorded(
        attempt_id=attempt_id,
        message_id=message_id,
        platform=platform,
        outcome=str(outcome.kind),
        event=EVENT_OF_OUTCOME[outcome.kind],
        platform_id=_clean(outcome.platform_id, 200),
        code=_clean(outcome.code, 100),
        detail=_clean(outcome.detail, 500),
        failure=None if outcome.failure is None else str(outcome.failure),
        latency_ms=latency_ms,
        segments=outcome.segments,
        retry_s=wait_s,
    )


def _clean(value: str | None, longest: int) -> str | None:
    # NUL and lone surrogates are what PostgreSQL cannot hold; a platform may answer anything.
    if value is None:
        return None
    if value.isascii() and len(value) <= longest and "\0" not in value:
        return value or None
    return value.replace("\0", "").encode("utf-8", "replace").decode()[:longest] or None


class Recorder:
    """Takes outcomes from every lane of one worker and writes them in batches, in order of arrival."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._entries: asyncio.Queue[Entry] = asyncio.Queue()
        #: Of which messages an outcome is on its way to the table: (platform, its id).
        self.unwritten: set[tuple[str, str | None]] = set()

    def put(self, entry: Entry) -> None:
        """Take an outcome; never blocks, as the lanes' windows bound what can be here."""
        self._entries.put_nowait(entry)
        if entry.result.platform_id is not None:
            self.unwritten.add((entry.result.platform, entry.result.platform_id))

    async def run(self) -> None:
        """Write until cancelled."""
        pace = Pace(_APART_S, enough=_ENOUGH)
        while True:
            batch = [await self._entries.get()]
            await pace.wait(self._entries.qsize)
            while len(batch) < _BATCH and not self._entries.empty():
                batch.append(self._entries.get_nowait())
            pace.begin(len(batch))
            for part in _each_message_once(batch):
                await self._write_surely(part)
            failpoints.hit("after_record")
            for entry in batch:
                self.unwritten.discard((entry.result.platform, entry.result.platform_id))
                entry.written()

    async def _write_surely(self, batch: Sequence[Entry]) -> None:
        if await self._taken(batch):
            return
        # One outcome that the database cannot hold must not keep the others from it.
        for entry in batch:
            bare = entry.result._replace(platform_id=None, code=None, detail=None)
            if not await self._taken([entry]):
                await self._taken([entry._replace(result=bare)])

    async def _taken(self, batch: Sequence[Entry]) -> bool:
        """Write however long it takes; False where the database refuses the content itself."""
        rows = await self._written_with_starts(batch)
        while rows is None:
            try:
                rows = await self._write(batch)
            except TRANSIENT as error:
                log.warning("record_waits_for_database", error=type(error).__name__, outcomes=len(batch))
                await asyncio.sleep(_RETRY_S)
            except asyncpg.PostgresError as error:
                log.error("record_refused", error=type(error).__name__, outcomes=len(batch))
                return False
        results = [entry.result for entry in batch]
        figures.note_handovers(results, rows)
        if any(row["early"] for row in rows):
            await self._apply_early(results)
        return True

    async def _written_with_starts(self, batch: Sequence[Entry]) -> list[asyncpg.Record] | None:
        """Write outcomes and start what takes their places as one; None where nothing does, or it failed.

        A message that somebody else is changing is not waited for.
        """
        results = [entry.result for entry in batch]
        if any(result.outcome != OutcomeKind.ACCEPTED for result in results):
            return None
        freed = Counter(entry.follow for entry in batch if entry.follow is not None)
        groups = [group for follow, count in freed.items() if (group := follow(count)) is not None]
        if not groups:
            return None
        failpoints.hit("before_start")
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                rows = await messages.record(connection, results, chunk_id=0)
                failpoints.hit("between_record_and_start")
                started = [await _start(connection, group) for group in groups]
        except (*TRANSIENT, asyncpg.PostgresError) as error:
            log.warning("recorded_without_starts", error=type(error).__name__, outcomes=len(batch))
            for group in groups:
                group.failed()
            return None
        failpoints.hit("after_start")
        for group, attempts in zip(groups, started, strict=True):
            group.committed(attempts)
        return rows

    async def _write(self, batch: Sequence[Entry]) -> list[asyncpg.Record]:
        results = [entry.result for entry in batch]
        async with self._pool.acquire() as connection:
            if all(result.outcome == OutcomeKind.ACCEPTED for result in results):
                # Nothing comes of it but the outcome itself: one statement is its own transaction.
                return await messages.record(connection, results, chunk_id=0)
            async with connection.transaction():
                return await self._write_with_consequences(connection, batch, results)

    async def _write_with_consequences(
        self, connection: Connection, batch: Sequence[Entry], results: Sequence[Recorded]
    ) -> list[asyncpg.Record]:
        chunk_id = await messages.next_chunk(connection)
        rows = await messages.record(connection, results, chunk_id=chunk_id)
        await queue.enqueue(connection, _wake_ups(batch, rows))
        await phones.mark_all(connection, _marks(batch, rows))
        unsure = [row for row in rows if row["outcome"] == OutcomeKind.AMBIGUOUS]
        # What was uncertain before is so by whoever took it over or, from waiting to go again, took it back.
        lost = [row["id"] for row in unsure if row["before"] == "sending" and row["after"] == "uncertain"]
        await reconcile.try_again(connection, lost)
        return rows

    async def _apply_early(self, results: Sequence[Recorded]) -> None:
        """Apply the receipts that came before these outcomes; where that fails, the sweep does it."""
        named = {(item.platform, item.platform_id) for item in results if item.platform_id is not None}
        try:
            await receipts.apply_early(self._pool, named)
        except (*TRANSIENT, asyncpg.PostgresError) as error:
            log.warning("early_receipts_wait_for_sweep", error=type(error).__name__, outcomes=len(results))


async def _start(connection: Connection, group: Following) -> dict[int, int]:
    return await messages.start(
        connection, group.starts, platform=group.platform, worker_id=group.worker_id, waits=False
    )


def _each_message_once(batch: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Split a batch where a message comes again, in order: a statement would keep either of its outcomes."""
    part: list[Entry] = []
    seen: set[int] = set()
    for entry in batch:
        if entry.result.message_id in seen:
            yield part
            part, seen = [], set()
        part.append(entry)
        seen.add(entry.result.message_id)
    yield part


def _marks(batch: Sequence[Entry], rows: Sequence[asyncpg.Record]) -> list[phones.Mark]:
    said = {entry.result.attempt_id: (entry.result.platform, entry.result.code) for entry in batch}
    return [
        phones.Mark(row["e164"], row["failure"], *said[row["attempt_id"]])
        for row in rows
        if row["outcome"] == "refused" and row["failure"] in phones.OF_THE_NUMBER
    ]


def _wake_ups(batch: Sequence[Entry], rows: Sequence[asyncpg.Record]) -> list[queue.WakeUp]:
    waits = {entry.result.message_id: entry.result.retry_s for entry in batch}
    again: defaultdict[int, list[float]] = defaultdict(list)
    for row in rows:
        if row["before"] != "queued" and row["after"] == "queued":
            again[row["chunk_id"]].append(waits[row["id"]])
    return [queue.WakeUp(chunk_id, min(found)) for chunk_id, found in again.items()]
