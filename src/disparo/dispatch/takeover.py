"""The reaper: frees what dead workers held. Ours, not the engine's (docs/delivery.md §4.4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

import structlog

from disparo import queue
from disparo.db import messages, workers
from disparo.db.pool import Connection
from disparo.dispatch import reconcile

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
DEAD_AFTER_S = 6.0

Who = TypeVar("Who", bound=Hashable)
Beat = TypeVar("Beat")


@dataclass(slots=True)
class _Seen(Generic[Beat]):
    beat: Beat
    silent_s: float = 0.0


@dataclass(slots=True)
class Watch(Generic[Who, Beat]):
    """How long each worker has been silent, by the observer's own monotonic clock; or whatever else beats.

    Only time between two successful looks counts, and of that no more than half a look too much: an
    observer that was itself paused, or could not read the database, must not call the others dead.
    """

    clock: Callable[[], float] = time.monotonic
    look_every_s: float = LOOK_EVERY_S
    dead_after_s: float = DEAD_AFTER_S
    _last_look: float | None = None
    _seen: dict[Who, _Seen[Beat]] = field(default_factory=dict)

    def look(self, beats: Mapping[Who, Beat]) -> list[tuple[Who, Beat]]:
        """Take the beats just read; gives (worker, beat) of those that are dead."""
        now = self.clock()
        passed = 0.0 if self._last_look is None else min(now - self._last_look, 1.5 * self.look_every_s)
        self._last_look = now
        self._seen = {worker: self._judge(worker, beat, passed) for worker, beat in beats.items()}
        return [
            (worker, seen.beat) for worker, seen in self._seen.items() if seen.silent_s >= self.dead_after_s
        ]

    def _judge(self, worker: Who, beat: Beat, passed: float) -> _Seen[Beat]:
        seen = self._seen.get(worker)
        if seen is None or seen.beat != beat:
            return _Seen(beat)
        return _Seen(beat, seen.silent_s + passed)


async def take_over(connection: Connection, worker_id: UUID, *, beat: int) -> int:
    """Free what one dead worker held, in one transaction of the caller; gives how many messages."""
    dead = await workers.remove_if_silent(connection, worker_id, beat=beat)
    if dead is None:
        return 0
    rows = await messages.take_over(connection, worker_id, preparing=dead["preparing"])
    chunks = sorted({row["chunk_id"] for row in rows if row["status"] == "queued"})
    await queue.enqueue(connection, [queue.WakeUp(chunk_id) for chunk_id in chunks])
    await reconcile.try_again(connection, [row["id"] for row in rows if row["status"] == "uncertain"])
    log.warning("worker_taken_over", worker_id=str(worker_id), messages=len(rows))
    return len(rows)
