"""A fault of one chunk or run is none of the worker: its bulk jobs go on."""

from __future__ import annotations

import asyncio

import pytest
from tests.support import bulk, rows

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
    taking = asyncio.create_task(jobs.pop("bulk-take"))
    for job in jobs.values():
        job.close()
    waiting = asyncio.create_task(again.wait())
    await asyncio.wait([taking, waiting], timeout=30, return_when=asyncio.FIRST_COMPLETED)
    assert not taking.done()
    assert again.is_set()
    for task in (taking, waiting):
        task.cancel()
    await asyncio.gather(taking, waiting, return_exceptions=True)
