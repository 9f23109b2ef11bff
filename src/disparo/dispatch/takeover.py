"""The reaper: frees what dead workers held. Ours, not the engine's (delivery.md §4.4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from disparo import queue
from disparo.db import messages, workers
from disparo.db.pool import Connection
from disparo.dispatch import reconcile

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
DEAD_AFTER_S = 6.0


@dataclass(slots=True)
class _Seen:
    beat: int
    silent_s: float = 0.0


@dataclass(slots=True)
class Watch:
    """How long each worker has been silent, by the observer's own monotonic clock.

    Only time between two successful looks counts, and of that no more than half a look too much: an
    observer that was itself paused, or could not read the database, must not call the others dead.
    """

    clock: Callable[[], float] = time.monotonic
    _last_look: float | None = None
    _seen: dict[UUID, _Seen] = field(default_factory=dict)

    def look(self, beats: Mapping[UUID, int]) -> list[tuple[UUID, int]]:
        """Take the beats just read; gives (worker, beat) of those that are dead."""
        now = self.clock()
        passed = 0.0 if self._last_look is None else min(now - self._last_look, 1.5 * LOOK_EVERY_S)
        self._last_look = now
        self._seen = {worker: self._judge(worker, beat, passed) for worker, beat in beats.items()}
        return [(worker, seen.beat) for worker, seen in self._seen.items() if seen.silent_s >= DEAD_AFTER_S]

    def _judge(self, worker: UUID, beat: int, passed: float) -> _Seen:
        seen = self._seen.get(worker)
        if seen is None or seen.beat != beat:
            return _Seen(beat)
        return _Seen(beat, seen.silent_s + passed)


async def take_over(connection: Connection, worker_id: UUID, *, beat: int, max_tries: int) -> int:
    """Free what one dead worker held, in one transaction of the caller; gives how many messages."""
    dead = await workers.remove_if_silent(connection, worker_id, beat=beat)
    if dead is None:
        return 0
    rows = await messages.take_over(connection, worker_id, preparing=dead["preparing"])
    chunks = sorted({row["chunk_id"] for row in rows if row["status"] == "queued"})
    await queue.enqueue(connection, [queue.WakeUp(chunk_id) for chunk_id in chunks])
    if max_tries > 1:
        uncertain = [row["id"] for row in rows if row["status"] == "uncertain"]
        await reconcile.try_again(
            connection, await messages.with_tries_left(connection, uncertain, max_tries)
        )
    log.warning("worker_taken_over", worker_id=str(worker_id), messages=len(rows))
    return len(rows)
