"""The engine only wakes: what happens when it, its entries or its handler fail (docs/delivery.md §4.5)."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.support import bulk, rows
from tests.support.cutter import Cutter
from tests.support.hands import a_handover
from tests.support.lines import lines_of

from disparo import queue
from disparo.db.pool import open_pool
from disparo.dispatch import handover as handover_module
from disparo.dispatch import patience
from disparo.dispatch.own_health import OwnHealth
from disparo.dispatch.sweep import wake_forgotten_chunks
from disparo.queue.engine import _CalmDriver
from disparo.queue.hands import Hands

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def engine(pool, handler, hands=None):
    stop = asyncio.Event()
    task = asyncio.create_task(queue.run(pool, handler, hands=hands or Hands(4), stop=stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


async def until(condition, seconds=15.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def enqueue(connection, *chunks):
    async with connection.transaction():
        await queue.enqueue(connection, [queue.WakeUp(chunk) for chunk in chunks])


async def test_an_entry_is_seen_only_if_its_transaction_commits(pool, connection):
    seen = []

    async def handler(chunk_id, urgent):
        seen.append(chunk_id)

    async with engine(pool, handler):
        transaction = connection.transaction()
        await transaction.start()
        await queue.enqueue(connection, [queue.WakeUp(1)])
        await transaction.rollback()
        await enqueue(connection, 2)
        await until(lambda: seen == [2])


async def test_a_handler_that_raises_neither_ends_the_engine_nor_keeps_the_entry(pool, connection):
    seen = []

    async def handler(chunk_id, urgent):
        seen.append(chunk_id)
        if chunk_id == 1:
            raise RuntimeError("by mistake")

    async with engine(pool, handler):
        await enqueue(connection, 1)
        await until(lambda: seen == [1])
        await enqueue(connection, 2)
        await until(lambda: seen == [1, 2])
        async with asyncio.timeout(15):
            while await queue.chunks_with_entry(connection, [1]):
                await asyncio.sleep(0.02)


async def test_a_database_that_goes_in_the_middle_of_a_chunk_is_no_fault_of_the_chunks(
    dsn, connection, monkeypatch
):
    monkeypatch.setattr(patience, "_LOOK_ANYWAY_S", 0.0)  # no platform, no room to wait for
    async with open_pool(dsn, size=1) as gone, a_handover(gone, connection) as handover:
        handover.use({}, (), bulk.RULES)
        await gone.close()
        with lines_of(handover_module) as said:
            await handover.handle_entry(1, urgent=True)
    assert [(line["log_level"], line["event"]) for line in said] == [("warning", "waits_for_database")]


async def test_the_engine_is_started_anew_when_the_database_throws_it_out(pool, connection):
    seen = []

    async def handler(chunk_id, urgent):
        seen.append(chunk_id)

    async with engine(pool, handler):
        await enqueue(connection, 1)
        await until(lambda: 1 in seen)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await enqueue(connection, 2)
        await until(lambda: 2 in seen)


async def test_no_connection_that_listened_and_died_is_kept(dsn):
    async def handler(chunk_id, urgent):
        raise AssertionError

    def held(pool):
        return [holder._con for holder in pool._holders if holder._in_use]

    def listening(pool):
        return [each for each in held(pool) if each is not None and each._listeners]

    async with open_pool(dsn, size=4, name="queue", whole=True) as pool:
        for _ in range(3):
            async with engine(pool, handler):
                await until(lambda: len(listening(pool)) == 2)
                for each in listening(pool):  # as asyncpg drops one that broke off in the middle of an answer
                    each._protocol.abort()
            assert held(pool) == []


async def looks(health, pool, *, at_most):
    """Look until it must start anew; gives how many looks that took, None where it must not."""
    for number in range(1, at_most + 1):
        if await health.is_idle_beside_work(pool):
            return number
    return None


def a_health(hands):
    return OwnHealth(hands, memory_mb=10_000, has_worked=lambda: True)


async def make_overdue(connection):
    await connection.execute("UPDATE pgqueuer SET execute_after = now() - interval '6 seconds'")


async def test_an_engine_without_connections_ends_when_told_to_and_its_worker_starts_anew(
    pool, connection, dsn, monkeypatch
):
    monkeypatch.setattr("disparo.queue.engine._ANSWERED_WITHIN_S", 0.3)
    seen, hands = [], Hands(4)

    async def handler(chunk_id, urgent):
        seen.append(chunk_id)

    async with open_pool(dsn, size=4, name="queue", whole=True) as own:
        async with engine(own, handler, hands):
            await enqueue(connection, 1)
            await until(lambda: seen == [1])
            health = a_health(hands)
            assert await looks(health, pool, at_most=20) is None
            # Two are left by its two engines, which listen on the others until they ask in vain.
            taken = [await own.acquire() for _ in range(4)]
            await enqueue(connection, 2)
            await make_overdue(connection)
            assert await looks(health, pool, at_most=20) == 8
        for each in taken:
            await own.release(each)
    assert seen == [1]


async def test_what_is_not_answered_is_given_up_with_its_connection(dsn, monkeypatch):
    """A pool that has a statement cancelled waits for its end: of a server that is frozen, half a minute."""
    way = Cutter(dsn)
    await way.start()
    async with open_pool(way.dsn, size=1, name="queue", whole=True) as pool:
        driver = _CalmDriver(pool, asyncio.Event())
        assert await driver.fetch("SELECT 1 AS one") == [{"one": 1}]
        way.is_silent = True
        monkeypatch.setattr("disparo.queue.engine._ANSWERED_WITHIN_S", 0.3)
        for ask in (driver.fetch("SELECT 1"), driver.execute("SELECT 1"), driver.notify("somewhere", "here")):
            async with asyncio.timeout(20):
                with pytest.raises(TimeoutError):
                    await ask
        way.is_silent = False
        monkeypatch.undo()
        assert await driver.fetch("SELECT 2 AS two") == [{"two": 2}]
    way.stop()


async def test_at_the_end_a_server_that_does_not_answer_is_not_waited_for(dsn, monkeypatch):
    """What was asked before it, what the engine asks to end with, and the connection that listened."""
    monkeypatch.setattr("disparo.queue.engine._ANSWERED_WITHIN_S", 600.0)
    monkeypatch.setattr("disparo.queue.engine._AT_THE_END_S", 0.3)
    way, stop = Cutter(dsn), asyncio.Event()
    await way.start()
    async with open_pool(way.dsn, size=3, name="queue", whole=True, patience_s=600.0) as pool:
        driver = _CalmDriver(pool, stop)
        async with asyncio.timeout(60), driver:
            await driver.add_listener("somewhere", lambda _: None)
            way.is_silent = True
            asked = asyncio.create_task(driver.fetch("SELECT 1"))
            await until(lambda: driver._asked)
            stop.set()
            driver.hurry()
            with pytest.raises(TimeoutError):
                await asked
            monkeypatch.setattr("disparo.queue.engine._AT_THE_END_S", 600.0)
            with pytest.raises(TimeoutError):
                await driver.execute("SELECT 1")
        driver.let_go()
    way.stop()


async def test_a_worker_that_picks_or_cannot_pick_is_well(pool, connection):
    hands = Hands(1)
    health = a_health(hands)
    await enqueue(connection, 1, -1)
    assert await looks(health, pool, at_most=20) is None, "not overdue"
    await make_overdue(connection)
    with hands.work(queue.URGENT), hands.work(queue.BULK):
        assert await looks(health, pool, at_most=20) is None, "its hands are full"
    assert await looks(health, pool, at_most=7) is None
    with hands.work(queue.BULK), hands.work(queue.URGENT):
        pass
    assert await looks(health, pool, at_most=7) is None, "it picked one of each meanwhile"
    async with connection.transaction():
        assert await queue.hold(connection, 1)
        assert await queue.hold(connection, -1)
    assert await looks(health, pool, at_most=20) is not None


async def test_an_entry_that_somebody_holds_is_nobodys_fault(pool, connection, dsn):
    health = a_health(Hands(1))
    await enqueue(connection, 1)
    await make_overdue(connection)
    async with connection.transaction():
        await connection.execute("SELECT FROM pgqueuer FOR UPDATE")
        assert await looks(health, pool, at_most=20) is None


async def test_an_entry_that_vanished_is_made_again_for_due_messages_only(pool, connection):
    due = await rows.add_messages(connection, 2)
    later = await rows.add_messages(connection, 1, due_in_s=60, first_id=100)
    await connection.execute(
        "UPDATE messages SET due_at = due_at - interval '6 seconds' WHERE id = ANY($1)", due
    )
    assert await wake_forgotten_chunks(pool) == 1
    chunk = await rows.chunk_of(connection, due[0])
    assert await queue.chunks_with_entry(connection, [chunk]) == {chunk}
    assert await queue.chunks_with_entry(connection, [await rows.chunk_of(connection, later[0])]) == set()
    assert await wake_forgotten_chunks(pool) == 0  # it has a live entry now


async def test_a_zombie_that_deletes_its_successors_entry_stops_nothing(pool, connection):
    (message,) = await rows.add_messages(connection, 1)
    chunk = await rows.chunk_of(connection, message)
    await enqueue(connection, chunk)
    await connection.execute("DELETE FROM pgqueuer")  # what a resumed zombie was seen to do
    await connection.execute("UPDATE messages SET due_at = due_at - interval '6 seconds'")
    seen = []

    async def handler(chunk_id, urgent):
        seen.append(chunk_id)

    async with engine(pool, handler):
        await wake_forgotten_chunks(pool)
        await until(lambda: seen == [chunk])


async def test_the_engine_keeps_no_log_of_jobs_and_waits_for_no_flush(pool, connection):
    seen = []

    async def handler(chunk_id, urgent):
        seen.append(chunk_id)

    async with engine(pool, handler):
        await enqueue(connection, 1, 2, 3)
        await until(lambda: len(seen) == 3)
    assert await connection.fetchval("SELECT count(*) FROM pgqueuer_log") == 0
    kind = await connection.fetchval("SELECT relpersistence FROM pg_class WHERE relname = 'pgqueuer'")
    assert kind == b"u"


async def test_what_is_due_since_before_the_server_began_is_woken_at_once(pool, connection):
    new, old = await rows.add_messages(connection, 1), await rows.add_messages(connection, 1)
    await connection.execute(
        "UPDATE messages SET due_at = pg_postmaster_start_time() - interval '1 ms' WHERE id = $1", old[0]
    )
    assert await wake_forgotten_chunks(pool) == 1
    chunks = [await rows.chunk_of(connection, message) for message in (new[0], old[0])]
    assert await queue.chunks_with_entry(connection, chunks) == {chunks[1]}


async def test_an_entry_that_is_held_is_picked_after_the_holders_transaction(pool, connection):
    seen = []

    async def handler(chunk_id, urgent):
        seen.append(chunk_id)

    transaction = connection.transaction()
    async with connection.transaction():
        await queue.enqueue(connection, [queue.WakeUp(1, 0.2)])
    await transaction.start()
    assert await queue.hold(connection, 1)
    async with engine(pool, handler):
        await asyncio.sleep(1)
        assert seen == []
        await transaction.commit()
        await until(lambda: seen == [1])


async def test_nothing_holds_an_entry_that_is_worked_on_or_gone(pool, connection):
    working, go_on = asyncio.Event(), asyncio.Event()

    async def handler(chunk_id, urgent):
        working.set()
        await go_on.wait()

    async with engine(pool, handler):
        await enqueue(connection, 1)
        await asyncio.wait_for(working.wait(), 10)
        assert not await queue.hold(connection, 1)
        go_on.set()
    assert not await queue.hold(connection, 2)


async def test_in_a_crowd_of_changes_the_engine_misses_none(pool, connection):
    seen = set()

    async def handler(chunk_id, urgent):
        seen.add(chunk_id)

    async with engine(pool, handler):
        for chunk in range(1, 120):
            await enqueue(connection, chunk)
        await until(lambda: seen == set(range(1, 120)))
