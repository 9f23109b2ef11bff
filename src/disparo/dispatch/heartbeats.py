"""Which workers beat, as one observer has seen it: by change, never by a clock of theirs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog

from disparo.db import workers
from disparo.db.pool import TRANSIENT, Pool
from disparo.dispatch.takeover import DEAD_AFTER_S

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0


@dataclass(slots=True)
class _Seen:
    beat: int
    has_moved: bool
    silent_s: float = 0.0


class Heartbeats:
    """One for each server; `run` looks now and then, `beating` at once where nobody is known to live."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._looked_at: float | None = None
        self._seen: dict[UUID, _Seen] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._read()
            except TRANSIENT as error:
                log.warning("waits_for_database", job="heartbeats", error=type(error).__name__)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def beating(self) -> int:
        """Count the workers that live."""
        if not self.alive:
            await self._read()
        return self.alive

    @property
    def alive(self) -> int:
        """How many were seen to beat within the last few seconds that this observer could look."""
        return sum(seen.has_moved and seen.silent_s < DEAD_AFTER_S for seen in self._seen.values())

    def note(self, beats: Mapping[UUID, int]) -> None:
        """Take the beats just read. A worker that has appeared since the last look has shown life too."""
        now = self._clock()
        first = self._looked_at is None
        # Time in which nobody looked tells nothing of the others.
        passed = 0.0 if self._looked_at is None else min(now - self._looked_at, 1.25 * _LOOK_EVERY_S)
        self._looked_at = now
        self._seen = {
            worker: self._judge(worker, beat, passed, known_before=first) for worker, beat in beats.items()
        }

    def _judge(self, worker: UUID, beat: int, passed: float, *, known_before: bool) -> _Seen:
        seen = self._seen.get(worker)
        if seen is None:
            return _Seen(beat, has_moved=not known_before)
        if seen.beat != beat:
            return _Seen(beat, has_moved=True)
        return _Seen(beat, seen.has_moved, seen.silent_s + passed)

    async def _read(self) -> None:
        async with self._pool.acquire() as connection:
            self.note(await workers.list_beats(connection))
