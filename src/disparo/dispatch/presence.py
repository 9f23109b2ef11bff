"""A worker among the others: it registers, beats, and takes over what the dead ones held."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from functools import partial
from uuid import UUID, uuid4

import structlog

from disparo.db import workers
from disparo.db.pool import Pool
from disparo.dispatch import takeover
from disparo.dispatch.claims import Holder
from disparo.dispatch.lane import Lane
from disparo.dispatch.prepare import hold_if_copied
from disparo.dispatch.rounds import go_round

log = structlog.get_logger(__name__)


class Presence:
    """`pool` is for this alone: a beat must not queue behind work."""

    def __init__(self, pool: Pool, holder: Holder, dsn: str) -> None:
        self._pool = pool
        self._holder = holder
        self._dsn = dsn
        self._watch: takeover.Watch[UUID, int] = takeover.Watch()

    async def register(self) -> None:
        """Enter the table of workers under the holder's name, which is new."""
        async with self._pool.acquire() as connection:
            await workers.register(
                connection, self._holder.worker_id, host=socket.gethostname(), pid=os.getpid()
            )
        log.info("worker_started", worker_id=str(self._holder.worker_id))

    async def beat(self, lanes: Iterable[Lane]) -> None:
        """Say that we live; where somebody took us over while we were away, begin anew under a new name.

        Nothing that we held is ours then: the lanes let go of it.
        """
        async with self._pool.acquire() as connection:
            alive = await workers.beat(connection, self._holder.worker_id, preparing=self._holder.preparing)
        if alive or self._holder.left:
            return
        log.warning("worker_was_taken_over", worker_id=str(self._holder.worker_id))
        for lane in lanes:
            lane.drop_waiting()
            lane.forget_places()
        self._holder.worker_id = uuid4()
        await self.register()

    async def look_at_others(self) -> None:
        """Take over those that are dead; one that cannot be keeps no other from it."""
        await hold_if_copied(self._pool, self._dsn)
        async with self._pool.acquire() as connection:
            beats = await workers.list_beats(connection)
        beats.pop(self._holder.worker_id, None)
        dead = self._watch.look(beats)
        await go_round(
            {f"take_over {worker_id}": partial(self._free, worker_id, beat) for worker_id, beat in dead}
        )

    async def _free(self, worker_id: UUID, beat: int) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await takeover.take_over(connection, worker_id, beat=beat)
