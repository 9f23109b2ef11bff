"""What of a bulk run waits for an hour or for a person waits in the run's own chunks, and costs nothing meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support import bulk, rows
from tests.support.hands import a_handover
from tests.support.locks import until_somebody_waits

from disparo import queue
from disparo.db import bulk_slices, messages
from disparo.db.messages import Move
from disparo.dispatch import bulk_control
from disparo.dispatch.give_back import Deferral
from disparo.dispatch.handover import _Sorted
from disparo.dispatch.lane import Lane
from disparo.dispatch.sweep import wake_forgotten_chunks
from disparo.domain.ids import new_id
from disparo.domain.message import Event
from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio
OPEN = bulk.RULES
CLOSED_TODAY = replace(OPEN, is_holiday=lambda day, _uf: day == datetime.now(OPEN.zone).date())


@pytest.fixture
async def worker(pool, connection, monkeypatch):
    """One whose lane is slow, so that it claims a few at a time, and starts nothing."""
    monkeypatch.setattr(Lane, "run", lambda *_: asyncio.sleep(60))
    slow = GenericHttp("slow", read_table("slow", {"url": "http://127.0.0.1:1/", "per_second": 2}))
    async with a_handover(pool, connection) as handover:
        handover.use({"slow": slow}, [Route("slow")], OPEN)
        yield handover


@pytest.fixture
async def run(pool, connection):
    """1,200 messages in three chunks, due now."""
    await rows.add_invoices(connection, 1200)
    dispatch_id = await bulk.store(pool)
    await bulk.queue_all(pool)
    await connection.execute("UPDATE bulk_chunks SET due_at = now()")
    await connection.execute("UPDATE messages SET due_at = now()")
    return dispatch_id


async def work_off(connection, worker):
    """All that is due of runs, as `bulk_work.py` does."""
    while (chunk := await bulk_slices.take_chunk(connection, worker._holder.worker_id)) is not None:
        await worker.handle_chunk(chunk, urgent=False)
        await bulk_slices.end_chunk(connection, chunk, worker._holder.worker_id)


async def chunks_of(connection):
    return [
        tuple(row)
        for row in await connection.fetch(
            """SELECT c.due_at, count(*) FROM bulk_chunks c JOIN messages m USING (chunk_id)
               WHERE m.status = 'queued' GROUP BY c.chunk_id, c.due_at ORDER BY 2 DESC"""
        )
    ]


async def test_what_a_closed_window_puts_off_waits_in_whole_chunks_and_the_run_says_till_when(
    pool, connection, worker, run
):
    worker.use(worker.fleet.platforms, [Route("slow")], CLOSED_TODAY)
    await work_off(connection, worker)
    found = await chunks_of(connection)
    assert [count for _, count in found] == [500, 500, 200]
    opens_at = {due_at for due_at, _ in found}
    assert opens_at == {(await bulk.run_of(pool, run))["next_at"]}
    assert opens_at.pop() > datetime.now(UTC)
    assert await connection.fetchval("SELECT count(*) FROM waiting_chunks") == 0


async def test_what_is_claimed_of_a_run_while_it_is_paused_is_not_looked_at_till_it_goes_on(
    pool, connection, worker, run
):
    chunk = await bulk_slices.take_chunk(connection, worker._holder.worker_id)
    await bulk_control.pause_run(pool, run, actor="test")
    await worker.handle_chunk(chunk, urgent=False)
    assert await bulk_slices.end_chunk(connection, chunk, worker._holder.worker_id)
    reasons = "SELECT coalesce(reason, '') AS reason, count(*) FROM messages WHERE due_at <= now() GROUP BY 1"
    assert [tuple(row) for row in await connection.fetch(reasons + " ORDER BY 2")] == [
        ("paused", 500),
        ("", 700),
    ]
    assert [count for _, count in await chunks_of(connection)] == [500, 500, 200]
    await connection.execute("UPDATE messages SET due_at = now() - interval '1 h'")
    assert await wake_forgotten_chunks(pool) == 0
    assert await bulk_slices.take_chunk(connection, worker._holder.worker_id) is None
    await bulk_control.resume_run(pool, run, actor="test")
    assert await bulk_slices.take_chunk(connection, worker._holder.worker_id) is not None


async def test_what_was_put_off_is_cancelled_with_its_run(pool, connection, worker, run):
    worker.use(worker.fleet.platforms, [Route("slow")], CLOSED_TODAY)
    await work_off(connection, worker)
    await bulk_control.cancel_run(pool, run, actor="test")
    assert (await bulk.run_of(pool, run))["counts"] == {"cancelled": 1200}


async def test_what_a_person_sends_again_of_a_run_that_is_over_waits_where_it_is_found(
    pool, connection, worker, run
):
    """Nobody takes chunks of a run that is over."""
    await connection.execute("UPDATE bulk_runs SET state = 'done', finished_at = now()")
    await connection.execute("DELETE FROM bulk_chunks")
    await connection.execute("UPDATE messages SET chunk_id = -7")
    worker.use(worker.fleet.platforms, [Route("slow")], CLOSED_TODAY)
    await worker.handle_chunk(-7, urgent=False)
    assert await connection.fetchval("SELECT count(*) FROM bulk_chunks") == 0
    chunks = [row["chunk_id"] for row in await connection.fetch("SELECT DISTINCT chunk_id FROM messages")]
    assert await queue.chunks_with_entry(connection, chunks) == set(chunks)


async def test_what_does_not_go_and_what_waits_are_put_aside_beside_a_pause(pool, connection):
    run = await bulk.queue_three(pool, connection)
    async with a_handover(pool, connection) as handover:
        worker, token = handover._holder.worker_id, new_id()
        chunk = await bulk_slices.take_chunk(connection, worker)
        first, *paid = await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=3)
        found = _Sorted(
            drop=[Move(id_, Event.SKIP, "invoice_paid") for id_ in paid],
            wait=[Deferral(first, datetime.now(UTC), "outside_window", run)],
        )
        async with connection.transaction():
            await connection.execute("SELECT FROM messages WHERE id = $1 FOR UPDATE", paid[-1])
            putting = asyncio.create_task(handover._put_aside(found, token))
            await until_somebody_waits(connection)
            pausing = asyncio.create_task(bulk_control.pause_run(pool, run, actor="test"))
            await until_somebody_waits(connection, count=2)
        await asyncio.gather(putting, pausing)
    assert await rows.statuses(connection, [first, *paid]) == ["queued", "skipped", "skipped"]
