"""Whoever was slow finds another one at work, and a run in another state: no message is left where nobody looks."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from tests.support import bulk, rows

from disparo.db import messages
from disparo.dispatch.bulk_work import BulkWork
from disparo.dispatch.claims import Holder
from disparo.dispatch.give_back import Deferral, put_back
from disparo.dispatch.takeover import take_over

pytestmark = pytest.mark.anyio

#: Messages that wait in chunks of a run that gives chunks.
_FOUND = """SELECT count(*) FROM messages m JOIN bulk_chunks c USING (chunk_id)
            JOIN bulk_runs r ON r.dispatch_id = c.dispatch_id
            WHERE m.status = 'queued' AND r.finished_at IS NULL"""


@pytest.fixture
async def run(pool, connection):
    """Three queued messages of a run, in one chunk."""
    await rows.add_invoices(connection, 3)
    dispatch_id = await bulk.store(pool)
    await bulk.queue_all(pool)
    await bulk.open_now(connection)
    return dispatch_id


async def test_a_worker_that_was_frozen_leaves_its_successor_the_chunk(pool, connection, run):
    """Freed under its hands, it would take in what others put back, and be deleted with that."""
    frozen, successor = await rows.add_worker(connection), await rows.add_worker(connection)
    has_it, may_end = asyncio.Event(), asyncio.Event()

    async def work(_chunk):
        has_it.set()
        await may_end.wait()

    async def freeze(_chunk):
        async with connection.transaction():
            await take_over(connection, frozen, beat=0)
        working.append(asyncio.create_task(taking(successor, work)))
        await has_it.wait()

    async def taking(worker, handle):
        await BulkWork(pool, handle, Holder(worker), lambda: bulk.RULES)._take()

    working: list[asyncio.Task[None]] = []
    await taking(frozen, freeze)
    chunk, due_at = await connection.fetchrow("SELECT chunk_id, due_at FROM bulk_chunks")
    token = uuid4()
    ids = await messages.claim(connection, successor, token=token, chunk_id=chunk, limit=500)
    async with connection.transaction():
        await put_back(connection, [Deferral(ids[0], due_at, "paused", run)], token)
        may_end.set()
        await asyncio.wait(working, timeout=0.5)
    await asyncio.gather(*working)
    assert await connection.fetchval(_FOUND) == 1
