"""A fault of one chunk or run is none of the worker: its bulk jobs go on."""

from __future__ import annotations

import asyncio

import pytest
from tests.support import bulk, rows

from disparo.db import bulk_runs
from disparo.dispatch.bulk_work import BulkWork
from disparo.dispatch.claims import Holder

pytestmark = pytest.mark.anyio


async def test_a_chunk_that_fails_ends_nothing(pool, connection):
    """Whoever falls with it takes the worker along, and the next worker takes the chunk."""
    await bulk.queue_three(pool, connection)
    failed, again = [], asyncio.Event()

    async def handle(chunk_id):
        if failed:
            again.set()
        failed.append(chunk_id)
        raise ExceptionGroup("whatever", [ValueError(chunk_id)])

    worker = await rows.add_worker(connection)
    jobs = dict(BulkWork(pool, handle, Holder(worker), lambda: bulk.RULES).jobs())
    taking, looking = (asyncio.create_task(jobs.pop(name)) for name in ("bulk-take", "bulk-look"))
    for job in jobs.values():
        job.close()
    waiting = asyncio.create_task(again.wait())
    await asyncio.wait([taking, waiting], timeout=30, return_when=asyncio.FIRST_COMPLETED)
    assert not taking.done()
    assert again.is_set()
    for task in (taking, looking, waiting):
        task.cancel()
    await asyncio.gather(taking, looking, waiting, return_exceptions=True)


async def test_without_a_run_its_jobs_ask_nothing_and_with_one_they_do_all(pool, connection, monkeypatch):
    monkeypatch.setattr("disparo.dispatch.bulk_work._IDLE_S", 0.02)
    turns = []

    def took_its_turn(name):
        async def note(*_):
            turns.append(name)

        return note

    for name in ("queue_some", "bulk_slices.take_chunk", "_finish_sent"):
        monkeypatch.setattr(f"disparo.dispatch.bulk_work.{name}", took_its_turn(name))
    worker = await rows.add_worker(connection)
    work = BulkWork(pool, took_its_turn("chunk"), Holder(worker), lambda: bulk.RULES)
    jobs = [asyncio.create_task(job) for _, job in work.jobs()]
    await asyncio.sleep(0.3)
    assert turns == []
    await rows.add_invoices(connection, 1)
    await bulk.store(pool)
    async with asyncio.timeout(20):
        while set(turns) != {"queue_some", "bulk_slices.take_chunk", "_finish_sent"}:
            await asyncio.sleep(0.02)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)


async def test_chunks_left_of_a_run_that_is_over_are_work(pool, connection):
    over = "UPDATE bulk_runs SET state = 'done', finished_at = now()"
    assert not await bulk_runs.is_any_left(connection)
    await rows.add_invoices(connection, 1)
    await bulk.store(pool)
    assert await bulk_runs.is_any_left(connection)
    await connection.execute(over)
    assert not await bulk_runs.is_any_left(connection)
    await bulk.queue_three(pool, connection)
    await connection.execute(over)
    assert await bulk_runs.is_any_left(connection)
