"""A worker's share of bulk runs: it queues slices, and takes chunks in turns to hand them over.

Chunks of bulk runs are no entries of the queue engine: each worker takes one at a time from their table. So
a million messages burden no engine, and runs share evenly whatever their size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

import structlog

from disparo.db import bulk_runs, bulk_slices
from disparo.db.pool import Pool
from disparo.dispatch import bulk_control
from disparo.dispatch.bulk_queue import queue_some, read_numbers
from disparo.dispatch.calendar import load_calendar
from disparo.dispatch.claims import Holder
from disparo.dispatch.rounds import go_round, tried
from disparo.dispatch.rules import Rules

log = structlog.get_logger(__name__)

_QUEUERS = 2
_IDLE_S = 1.0
_TEND_EVERY_S = 2.0
_AFTER_FAULT_S = 1.0

HandleChunk = Callable[[int], Awaitable[None]]


class BulkWork:
    """The bulk jobs of one worker: queuing slices, taking chunks, looking after runs."""

    def __init__(
        self,
        pool: Pool,
        handle_chunk: HandleChunk,
        holder: Holder,
        rules: Callable[[], Rules],
        *,
        is_for_others: Callable[[], bool] = lambda: False,
    ) -> None:
        self._pool = pool
        self._handle_chunk = handle_chunk
        self._holder = holder
        self._rules = rules
        self._is_for_others = is_for_others
        self._there_is_work = asyncio.Event()

    def jobs(self) -> list[tuple[str, Coroutine[None, None, None]]]:
        """Give the jobs, by name, that run as long as the worker does."""
        return [
            ("bulk-look", self._again("bulk_look", self._look)),
            *((f"bulk-queue:{n}", self._queue_prepared()) for n in range(_QUEUERS)),
            ("bulk-take", self._while_there_is_work("bulk_take", self._take)),
            ("bulk-tend", self._while_there_is_work("bulk_tend", self._tend)),
            ("bulk-numbers", self._again("bulk_numbers", self._read_numbers)),
        ]

    async def _again(self, name: str, job: Callable[[], Awaitable[float]]) -> None:
        """Do `job` again and again, each time after the pause it asks for; a fault ends nothing."""
        while not self._holder.ending:
            pause_s = await tried(name, job)
            await asyncio.sleep(_AFTER_FAULT_S if pause_s is None else pause_s)

    async def _while_there_is_work(self, name: str, job: Callable[[], Awaitable[float]]) -> None:
        """The same, at rest while there is nothing of any run: most hours of a day have none."""

        async def when_there_is() -> float:
            await self._there_is_work.wait()
            return await job()

        await self._again(name, when_there_is)

    async def _look(self) -> float:
        async with self._pool.acquire() as connection:
            if await bulk_runs.is_any_left(connection):
                self._there_is_work.set()
            else:
                self._there_is_work.clear()
        return _IDLE_S

    async def _queue_prepared(self) -> None:
        await asyncio.to_thread(load_calendar)
        await self._while_there_is_work("bulk_queue", self._queue)

    async def _queue(self) -> float:
        return 0.0 if await queue_some(self._pool, self._rules()) else _IDLE_S

    async def _take(self) -> float:
        if self._is_for_others():
            return _IDLE_S
        worker_id = self._holder.worker_id  # another one, once this one was taken over
        async with self._pool.acquire() as connection:
            # Whatever the table says we have is from a round whose answer was lost: nobody works on it.
            await bulk_slices.free_chunks(connection, worker_id)
            chunk_id = await bulk_slices.take_chunk(connection, worker_id)
        if chunk_id is None:
            return _IDLE_S
        over = False
        try:
            await self._handle_chunk(chunk_id)
        finally:
            async with self._pool.acquire() as connection:
                over = await bulk_slices.end_chunk(connection, chunk_id, worker_id)
        return 0.0 if over else _IDLE_S

    async def _tend(self) -> float:
        await go_round(
            {
                "finish_sent": partial(_finish_sent, self._pool),
                "finish_cancelled": partial(bulk_control.finish_cancelled, self._pool),
                "take_back_paused": partial(bulk_control.take_back_paused, self._pool),
                "free_of_ended": partial(bulk_control.free_of_ended, self._pool),
            }
        )
        return _TEND_EVERY_S

    async def _read_numbers(self) -> float:
        # Minutes' work after a large import: no run waits for it to be seen to.
        await read_numbers(self._pool)
        return _TEND_EVERY_S


async def _finish_sent(pool: Pool) -> None:
    async with pool.acquire() as connection:
        done = await bulk_runs.finish_sent(connection)
    for dispatch_id in done:
        log.info("bulk_run_done", dispatch_id=str(dispatch_id))
