"""Counts hand-overs and receipts for /metrics, and logs a line for each batch of them.

Every process folds its counts into one table. A line names dispatches, never phones or texts: a request's
own line names the dispatch that it made, so that a 200 can be followed to its receipt.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
import structlog

from disparo import metrics
from disparo.db import figures
from disparo.db.messages import Moved, Recorded
from disparo.db.pool import TRANSIENT, Connection, Pool
from disparo.db.receipts import Told
from disparo.domain.message import Status

log = structlog.get_logger(__name__)

T = TypeVar("T")

FOLD_EVERY_S = 2.0
_KEPT_FOR = 20
#: A line names no more dispatches than this: a slice of single calls may be of hundreds.
_NAMED = 20


class Applied(NamedTuple):
    """A receipt that found its message; `move` where it moved the message."""

    platform: str
    result: str
    dispatch_id: UUID
    attempt_id: int
    move: Moved | None


async def fold(pool: Pool) -> None:
    """Add what this process has counted to the installation's sums; a failure loses nothing.

    What was added and its answer lost is added again: decision 0011.
    """
    sums = metrics.take()
    if not sums:
        return
    try:
        async with pool.acquire() as connection:
            await figures.fold(connection, sums)
    except BaseException as error:
        metrics.give_back(sums)
        if not isinstance(error, TRANSIENT):
            raise
        log.warning("figures_wait_for_database", error=type(error).__name__)


async def fold_forever(pool: Pool) -> None:
    """Fold every few seconds until cancelled, and once at the end."""
    try:
        while True:
            await asyncio.sleep(FOLD_EVERY_S)
            await fold(pool)
    finally:
        with suppress(Exception):  # whatever it is: nobody is left to try again, and the end must come
            await fold(pool)


class Costly(Generic[T]):
    """A count, kept for twenty times as long as it took: it uses a twentieth of a core at most."""

    def __init__(self, count: Callable[[Connection], Awaitable[T]]) -> None:
        self._count = count
        self._kept: T | None = None
        self._good_until = 0.0

    async def get(self, connection: Connection) -> T:
        """Give the count, taken now or kept."""
        began = time.monotonic()
        if self._kept is None or began >= self._good_until:
            self._kept = await self._count(connection)
            ended = time.monotonic()
            self._good_until = ended + _KEPT_FOR * (ended - began)
        return self._kept


def note_handovers(batch: Sequence[Recorded], rows: Sequence[asyncpg.Record]) -> None:
    """Count recorded outcomes; `rows` is the answer of record.sql."""
    by_id = {row["id"]: row for row in rows}
    slices: defaultdict[str, list[Recorded]] = defaultdict(list)
    for result in batch:
        platform = result.platform
        slices[platform].append(result)
        metrics.HANDOVERS.count(platform, result.outcome, result.failure or "")
        if result.outcome != "not_started":
            metrics.HANDOVER_SECONDS.observe(result.latency_ms / 1000, platform)
        row = by_id.get(result.message_id)
        if row is not None and result.outcome == "accepted":
            metrics.ACCEPT_TO_PLATFORM.observe(row["age_s"], platform)
            metrics.DUE_TO_PLATFORM.observe(row["waited_s"], platform)
    for platform, results in slices.items():
        found = [by_id[item.message_id]["dispatch_id"] for item in results if item.message_id in by_id]
        log.info(
            "handed_over",
            platform=platform,
            messages=len(results),
            outcomes=dict(Counter(item.outcome for item in results)),
            duration_ms=max(item.latency_ms for item in results),
            dispatch_ids=_named(found),
        )


def note_receipts(stored: Sequence[Told]) -> None:
    """Count stored receipts by what they say."""
    for item in stored:
        metrics.RECEIPTS.count(item.platform, str(item.event.kind), str(item.event.failure or ""))


def note_applied(applied: Sequence[Applied]) -> None:
    """Count applied receipts, and log their dispatches."""
    slices: defaultdict[str, list[Applied]] = defaultdict(list)
    for item in applied:
        slices[item.platform].append(item)
        metrics.RECEIPTS_APPLIED.count(item.platform, item.result)
    delivered = {
        (item.platform, item.move) for item in applied if item.move and item.move.after is Status.DELIVERED
    }
    for platform, move in delivered:
        metrics.ACCEPT_TO_HANDSET.observe(move.age_s, platform)
    for platform, items in slices.items():
        log.info(
            "receipts_applied",
            platform=platform,
            receipts=len(items),
            results=dict(Counter(item.result for item in items)),
            dispatch_ids=_named(item.dispatch_id for item in items),
        )


def _named(ids: Iterable[UUID]) -> list[str]:
    return [str(dispatch_id) for dispatch_id in list(dict.fromkeys(ids))[:_NAMED]]
