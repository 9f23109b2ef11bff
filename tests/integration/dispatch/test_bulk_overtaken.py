"""Whoever was slow finds another one at work, and a run in another state: no message is left where nobody looks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.support import bulk, rows

from disparo import queue
from disparo.db import bulk_runs, bulk_slices, messages
from disparo.db.messages import Start
from disparo.dispatch import bulk_control, reconcile
from disparo.dispatch.bulk_work import BulkWork
from disparo.dispatch.claims import Holder
from disparo.dispatch.give_back import Deferral, put_back
from disparo.dispatch.rules import Wait, waits_with_run
from disparo.dispatch.takeover import take_over

pytestmark = pytest.mark.anyio

#: Messages that wait in chunks of a run that gives chunks.
_FOUND = """SELECT count(*) FROM messages m JOIN bulk_chunks c USING (chunk_id)
            JOIN bulk_runs r ON r.dispatch_id = c.dispatch_id
            WHERE m.status = 'queued' AND r.finished_at IS NULL"""


@pytest.fixture
async def run(pool, connection):
    """Three queued messages of a run, in one chunk."""
    return await bulk.queue_three(pool, connection)


async def claim(connection, worker, token):
    chunk = await connection.fetchval("SELECT chunk_id FROM bulk_chunks")
    return await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500)


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


async def test_a_chunk_is_neither_freed_nor_ended_by_who_does_not_have_it(connection, run):
    frozen, successor = await rows.add_worker(connection), await rows.add_worker(connection)
    chunk = await bulk_slices.take_chunk(connection, successor)
    for status in ("queued", "accepted"):
        await connection.execute("UPDATE messages SET status = $1", status)
        assert not await bulk_slices.end_chunk(connection, chunk, frozen)
        assert await connection.fetchval("SELECT worker_id FROM bulk_chunks") == successor
    assert await bulk_slices.end_chunk(connection, chunk, successor)


async def nothing_is_left(pool, connection, worker, ids):
    """After a worker's round over the runs the engine has these messages, whose run is over."""
    await BulkWork(pool, lambda _: asyncio.sleep(0), Holder(worker), lambda: bulk.RULES)._tend()
    assert await connection.fetchval("SELECT count(*) FROM bulk_chunks") == 0
    chunks = {await rows.chunk_of(connection, id_) for id_ in ids}
    assert await rows.statuses(connection, ids) == ["queued"] * len(ids)
    assert await queue.chunks_with_entry(connection, list(chunks)) == chunks


async def test_what_is_put_off_into_a_run_that_ends_at_that_moment_goes_all_the_same(pool, connection, run):
    worker, token = await rows.add_worker(connection), uuid4()
    ids = await claim(connection, worker, uuid4())
    await connection.execute("DELETE FROM bulk_chunks")
    await connection.execute("UPDATE messages SET status = 'uncertain'")
    async with pool.acquire() as ending, ending.transaction():
        assert await bulk_runs.finish_sent(ending) == [run]
        async with connection.transaction():  # sent again by a person, claimed, and looked at
            await reconcile.resend(connection, ids[:1], actor="person")
        again = await rows.chunk_of(connection, ids[0])
        assert await messages.claim(connection, worker, token=token, chunk_id=again, limit=1) == ids[:1]
        (facts,) = await messages.claimed_facts(connection, ids[:1])
        later = facts["now"] + timedelta(hours=1)
        assert waits_with_run(facts, Wait(later, "outside_window"))
        async with connection.transaction():
            await put_back(connection, [Deferral(ids[0], later, "outside_window", run)], token)
    await nothing_is_left(pool, connection, worker, ids[:1])


async def test_what_is_taken_back_of_a_run_that_was_cancelled_meanwhile_is_not_kept_for_it(
    pool, connection, run
):
    worker, token = await rows.add_worker(connection), uuid4()
    ids = await claim(connection, worker, token)
    starts = [Start(id_, token, "t", 1) for id_ in ids]
    attempts = await messages.start(connection, starts, platform="p", worker_id=worker)
    await bulk_control.pause_run(pool, run, actor="person")
    await bulk_control.cancel_run(pool, run, actor="person")
    assert (await bulk.run_of(pool, run))["finished_at"] is not None
    await messages.record(
        connection,
        [rows.outcome(id_, attempts[id_], "not_taken", retry_s=0) for id_ in ids],
        chunk_id=await messages.next_chunk(connection),
    )
    again = await rows.chunk_of(connection, ids[0])
    assert await messages.claim(connection, worker, token=token, chunk_id=again, limit=500) == ids
    await bulk_control.take_back(pool, run, actor="worker")  # one that saw it paused
    await nothing_is_left(pool, connection, worker, ids)
