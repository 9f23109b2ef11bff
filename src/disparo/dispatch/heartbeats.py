"""Counts the workers that live, by whether their beat changes; no clock of theirs is read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from uuid import UUID

import structlog

from disparo.db import workers
from disparo.db.pool import TRANSIENT, Pool
from disparo.dispatch.takeover import Watch

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0


class Heartbeats:
    """The beats of all workers as one server has seen them."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._watch: Watch[UUID, int] = Watch(clock, _LOOK_EVERY_S)
        self._beats: Mapping[UUID, int] | None = None
        self._moved: set[UUID] = set()
        self._alive: set[UUID] = set()

    async def run(self) -> None:
        """Read the beats every two seconds, until cancelled."""
        while True:
            try:
                await self._read()
            except TRANSIENT as error:
                log.warning("waits_for_database", job="heartbeats", error=type(error).__name__)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def beating(self) -> int:
        """Count the workers that live; reads the beats first where none is known to."""
        if not self.alive:
            await self._read()
        return self.alive

    @property
    def alive(self) -> int:
        """Give how many workers were seen to beat in the last 6 s in which this server could look."""
        return len(self._alive)

    def note(self, beats: Mapping[UUID, int]) -> None:
        """Take the beats just read. A worker that is new since the last look counts as living."""
        silent = {worker for worker, _ in self._watch.look(beats)}
        if self._beats is not None:
            moved = {worker for worker, beat in beats.items() if self._beats.get(worker) != beat}
            self._moved = (self._moved | moved) & beats.keys()
        self._beats = beats
        self._alive = self._moved - silent

    async def _read(self) -> None:
        async with self._pool.acquire() as connection:
            self.note(await workers.list_beats(connection))
