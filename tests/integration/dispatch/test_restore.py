"""A restored or promoted copy sends no history (docs/delivery.md §8)."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg
import pytest
from tests.conftest import run_admin, with_database
from tests.support import bulk, rows
from tests.support.locks import until_somebody_waits

from disparo.db import chunks, installation, messages, unsettled
from disparo.db.messages import Move, Start
from disparo.dispatch import bulk_control
from disparo.dispatch.bulk_work import BulkWork
from disparo.dispatch.claims import Holder
from disparo.dispatch.prepare import prepare
from disparo.dispatch.reconcile import resume_some
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio


async def every_kind(connection):
    """One message queued, one claimed, one sending, one accepted."""
    ids = await rows.add_messages(connection, 4)
    worker, token = await rows.add_worker(connection), uuid4()
    chunk = await rows.chunk_of(connection, ids[0])
    await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500)
    await connection.execute(
        "UPDATE messages SET status = 'queued', claim_token = NULL WHERE id = $1", ids[0]
    )
    await messages.start(
        connection, [Start(number, token, "t", 1) for number in ids[2:]], platform="p", worker_id=worker
    )
    await connection.execute("UPDATE messages SET status = 'accepted' WHERE id = $1", ids[3])
    return ids


async def test_all_that_waits_is_held_wherever_it_waits(pool, connection):
    """In no chunk but a run's, and, of a single call, in a worker's hands alone."""
    await bulk.queue_three(pool, connection)
    (claimed,) = await rows.add_messages(connection, first_id=50)
    worker, chunk = await rows.add_worker(connection), await rows.chunk_of(connection, claimed)
    await messages.claim(connection, worker, token=uuid4(), chunk_id=chunk, limit=500)
    async with connection.transaction():
        await chunks.end(connection, chunk)
    async with connection.transaction():
        assert await unsettled.hold_waiting(connection, reason="restored") == (4, 0)
    assert await connection.fetchval("SELECT count(*) FROM messages WHERE status <> 'held'") == 0


async def test_the_same_database_goes_on(dsn, connection):
    assert await prepare(dsn)
    ids = await every_kind(connection)
    assert await prepare(dsn)
    assert await rows.statuses(connection, ids) == ["queued", "claimed", "sending", "accepted"]


async def test_a_copy_is_held_until_a_person_resumes_it(dsn, connection, admin_dsn):
    await prepare(dsn)
    ids = await every_kind(connection)
    await connection.close()
    name = f"copy_{uuid4().hex}"
    source = dsn.partition("?")[0].rpartition("/")[2]
    await asyncio.to_thread(
        run_admin, admin_dsn, f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY"
    )
    copy = with_database(dsn, name)
    try:
        assert not await prepare(copy)
        there = await asyncpg.connect(copy)
        assert await rows.statuses(there, ids) == ["held", "held", "uncertain", "accepted"]
        assert await prepare(copy)  # known by now, and still held
        assert await rows.statuses(there, ids) == ["held", "held", "uncertain", "accepted"]
        async with there.transaction():
            assert await resume_some(there, actor="test", limit=1) == (ids[:1], False)
            assert await there.fetchval("SELECT held_since IS NOT NULL FROM installation")
            assert await resume_some(there, actor="test") == (ids[1:2], True)
            assert not await there.fetchval("SELECT held_since IS NOT NULL FROM installation")
        assert await rows.statuses(there, ids) == ["queued", "queued", "uncertain", "accepted"]
        await there.close()
    finally:
        await asyncio.to_thread(run_admin, admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("change", ["timeline = timeline + 1", "system_identifier = system_identifier - 1"])
async def test_a_promoted_standby_and_another_cluster_are_copies_too(dsn, connection, change):
    await prepare(dsn)
    ids = await every_kind(connection)
    await connection.execute(
        "INSERT INTO bulk_runs (dispatch_id, actor, not_before) SELECT id, 'test', now() FROM dispatches"
    )
    await connection.execute(f"UPDATE installation SET {change}")
    assert not await prepare(dsn)
    assert await connection.fetchval("SELECT state FROM bulk_runs") == "paused"  # it would go on by itself
    assert await rows.statuses(connection, ids) == ["held", "held", "uncertain", "accepted"]
    assert (
        await connection.fetchval("SELECT (SELECT count(*) FROM workers) + (SELECT count(*) FROM claims)")
        == 0
    )


async def test_holding_waits_its_turn_among_those_who_move_messages_one_by_one(pool, connection):
    """Receipts go on coming while a promoted standby is held: whoever locks in another order would end in a deadlock."""
    first, second = await rows.add_messages(connection, 2)
    # It stands behind the other now.
    await connection.execute("UPDATE messages SET chunk_id = 77 WHERE id = $1", first)

    async def hold():
        async with pool.acquire() as other, other.transaction():
            return await unsettled.hold_waiting(other, reason="restored")

    async with connection.transaction():
        await messages.apply_events(connection, [Move(first, Event.RECEIPT_SENT)], actor="receipt")
        holding = asyncio.create_task(hold())
        await until_somebody_waits(connection)
        await messages.apply_events(connection, [Move(second, Event.RECEIPT_SENT)], actor="receipt")
    assert await holding == (0, 0)
    assert await rows.statuses(connection, [first, second]) == ["sent", "sent"]


async def test_a_run_that_is_resumed_before_what_is_held_of_it_is_not_over_and_can_be_cancelled(
    dsn, pool, connection
):
    await prepare(dsn)
    await rows.add_invoices(connection, 3)
    run = await bulk.store(pool)
    await bulk.queue_all(pool)
    await bulk.open_now(connection)
    await installation.hold_after_restore(dsn)
    await bulk_control.resume_run(pool, run, actor="pessoa")
    await work_off_runs(pool, connection)
    assert (await bulk.run_of(pool, run))["state"] == "running"
    await bulk_control.cancel_run(pool, run, actor="pessoa")
    async with connection.transaction():
        assert await resume_some(connection, actor="pessoa") == ([], True)
    assert (await bulk.run_of(pool, run))["counts"] == {"cancelled": 3}


async def test_a_run_is_over_once_what_was_held_of_it_has_gone(dsn, pool, connection):
    await prepare(dsn)
    await rows.add_invoices(connection, 3)
    run = await bulk.store(pool)
    await bulk.queue_all(pool)
    await installation.hold_after_restore(dsn)
    await bulk_control.resume_run(pool, run, actor="pessoa")
    async with connection.transaction():
        await resume_some(connection, actor="pessoa")
    await connection.execute("UPDATE messages SET status = 'held', reason = 'poison' WHERE invoice_id = 1")
    await connection.execute("UPDATE messages SET status = 'delivered' WHERE invoice_id > 1")
    await bulk.open_now(connection)
    await work_off_runs(pool, connection)
    assert (await bulk.run_of(pool, run))["state"] == "done"


async def work_off_runs(pool, connection):
    """Take each chunk once, and look after runs, as workers do."""
    work = BulkWork(
        pool, lambda _: asyncio.sleep(0), Holder(await rows.add_worker(connection)), lambda: bulk.RULES
    )
    while await work._take() == 0.0:
        pass
    await work._tend()


async def test_what_a_restore_holds_of_a_run_is_cancelled_some_at_a_time(dsn, pool, connection, monkeypatch):
    """All at once, a million took longer than a statement may: nothing was cancelled, again and again."""
    run = await bulk.queue_three(pool, connection)
    async with connection.transaction():
        await unsettled.hold_waiting(connection, reason="restored")
    ids = [row["id"] for row in await connection.fetch("SELECT id FROM messages ORDER BY id")]
    monkeypatch.setattr(bulk_control, "_STRAYS", 1, raising=False)
    other = await asyncpg.connect(dsn)
    try:
        async with other.transaction():
            await messages.lock(other, ids[2:])
            cancelling = asyncio.create_task(bulk_control.cancel_run(pool, run, actor="test"))
            await until_somebody_waits(connection)
            assert await rows.statuses(connection, ids) == ["cancelled", "cancelled", "held"]
        assert (await cancelling).cancelled == 3
    finally:
        await other.close()
    assert await rows.statuses(connection, ids) == ["cancelled"] * 3
    assert (await bulk.run_of(pool, run))["finished_at"] is not None
