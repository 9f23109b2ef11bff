"""An account may allow fewer binds than its workers ask for: those who get none leave the messages to the others."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from tests.contract.smsc import an_smsc, platform_of
from tests.integration.dispatch.test_limits_at_an_smsc import RULES
from tests.integration.dispatch.test_limits_of_parts import used_of_the_day
from tests.support import rows
from tests.support.hands import a_handover
from tests.support.rows import chunk_of

from disparo import queue
from disparo.db import platform_states
from disparo.dispatch import seats
from disparo.dispatch.lane import Lane
from disparo.dispatch.watch import PlatformWatch
from disparo.dispatch.worker import Worker, WorkerPlan, WorkerSettings
from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.domain.routing import Route
from disparo.platforms.base import Link
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def working(dsn, platform):
    stop = asyncio.Event()
    plan = WorkerPlan({"p": platform}, (Route("p"),), RULES)
    running = asyncio.create_task(Worker(dsn, plan=plan, settings=WorkerSettings(10_000)).run(stop))
    yield stop
    stop.set()
    await running


async def until(condition, seconds=20):
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def add(connection, count, **how):
    """Calls of one message each: each has an entry that either worker may take."""
    ids = []
    for _ in range(count):
        ids += await rows.add_messages(connection, 1, chunk_id=await rows_chunk(connection), **how)
    await queue.enqueue(connection, [queue.WakeUp(await chunk_of(connection, id_)) for id_ in ids])
    return ids


async def rows_chunk(connection):
    return await connection.fetchval("SELECT coalesce(max(abs(chunk_id)), 0) + 1000 FROM messages")


def stopped(connection):
    return connection.fetchval("SELECT open_reason FROM platform_states WHERE open_reason IS NOT NULL")


def alarms(connection):
    return connection.fetchval("SELECT count(*) FROM alerts WHERE kind = 'platform_open'")


async def test_who_gets_no_bind_leaves_the_messages_to_who_has_one(dsn, connection):
    async with (
        an_smsc(most_bound=1) as smsc,
        working(dsn, platform_of(smsc, per_day=1000)),
        working(dsn, platform_of(smsc, per_day=1000)),
    ):
        await smsc.until(lambda: len(smsc.binds) >= 2)
        ids = await add(connection, 30)  # before anybody has told anybody anything
        await smsc.until(lambda: len(smsc.submitted) >= 20)
        await asyncio.sleep(4)
        ids += await add(connection, 30)
        await smsc.until(lambda: len(smsc.submitted) == 60, seconds=40)  # one that was refused waits
        await asyncio.sleep(0.5)
        assert await stopped(connection) is None
        assert await alarms(connection) == 0
    assert await rows.statuses(connection, ids) == ["accepted"] * 60
    assert await used_of_the_day(connection) == 60
    assert await connection.fetchval("SELECT sum(not_taken) FROM messages WHERE id = ANY($1)", ids[30:]) == 0
    assert await connection.fetchval("SELECT max(tries) FROM messages") == 1


async def test_it_takes_part_again_when_the_session_is_free(dsn, connection):
    async with an_smsc(most_bound=1) as smsc, AsyncExitStack() as stack:
        first = await stack.enter_async_context(working(dsn, platform_of(smsc)))
        await smsc.until(lambda: smsc.bound)
        await stack.enter_async_context(working(dsn, platform_of(smsc)))
        await smsc.until(lambda: len(smsc.binds) >= 3)
        before = set(smsc.bound)
        first.set()
        await smsc.until(lambda: smsc.bound and not (smsc.bound & before), seconds=30)
        ids = await add(connection, 5)
        await smsc.until(lambda: len(smsc.submitted) == 5, seconds=20)
        await asyncio.sleep(0.5)
        assert await stopped(connection) is None
    assert await rows.statuses(connection, ids) == ["accepted"] * 5


@pytest.mark.parametrize("status", [0x0D, 0x05, 0x0E])
async def test_where_nobody_gets_one_the_platform_is_stopped(dsn, connection, status):
    async with (
        an_smsc(bind_status=status) as smsc,
        working(dsn, platform_of(smsc)),
        working(dsn, platform_of(smsc)),
    ):
        ids = await add(connection, 12)
        await until(lambda: stopped(connection))
        assert await alarms(connection) == 1
        smsc.bind_status = 0
        await smsc.until(lambda: len(smsc.submitted) == 12, seconds=50)
        await asyncio.sleep(0.5)
    assert await rows.statuses(connection, ids) == ["accepted"] * 12


async def test_a_wrong_password_stops_it_though_another_worker_is_bound(dsn, connection):
    async with (
        an_smsc() as smsc,
        working(dsn, platform_of(smsc)),
    ):
        await smsc.until(lambda: smsc.bound)
        smsc.bind_status = 0x0E
        async with working(dsn, platform_of(smsc)):
            await smsc.until(lambda: len(smsc.binds) >= 2)
            async with asyncio.timeout(20):
                while not await connection.fetchval("SELECT count(*) FROM alerts WHERE detail = 'auth'"):
                    await add(connection, 4)
                    await asyncio.sleep(0.2)


class Linked(GenericHttp):
    """Says of its connections what the test says."""

    link = Link(is_up=False)


@pytest.fixture
async def looks(pool, connection, monkeypatch):
    """Two workers whose lanes start nothing: (lane, watch) of one that is refused, and of one that is not."""
    monkeypatch.setattr(Lane, "run", lambda *_: asyncio.sleep(60))
    async with AsyncExitStack() as stack:
        found = []
        for link in (Link(is_up=False, refused="0x05"), Link(is_up=False)):
            handover = await stack.enter_async_context(a_handover(pool, connection))
            platform = Linked("p", read_table("p", {"url": "http://127.0.0.1:1/"}))
            platform.link = link
            handover.use({"p": platform}, [Route("p")], RULES)
            found.append((handover.lanes["p"], PlatformWatch(pool, pool, handover, handover._holder)))
        yield found


def fail(lane):
    for _ in range(5):
        missed = Outcome(OutcomeKind.NOT_TAKEN, failure=FailureClass.NETWORK)
        lane.breaker.note(missed, latency_s=0.0, probe=False)
    assert lane.breaker.tripped


async def test_what_one_without_a_bind_saw_stops_nothing_where_another_has_one(connection, looks):
    (refused, its_look), (bound, other_look) = looks
    fail(refused)
    await its_look.look()  # the other one is bound, and has not said so yet
    assert await stopped(connection) is None
    bound.platform.link = Link(is_up=True)
    await other_look.look()
    await its_look.look()
    assert await stopped(connection) is None
    assert refused.is_left_to_others
    assert refused.breaker.open_reason is None


async def test_what_it_saw_stops_the_platform_where_nobody_says_that_it_has_one(
    connection, looks, monkeypatch
):
    (refused, its_look), _ = looks
    fail(refused)
    await its_look.look()
    monkeypatch.setattr(seats, "_SAID_WITHIN_S", 0.0)
    await its_look.look()
    assert await stopped(connection) == "failing"


async def test_one_without_a_bind_does_not_take_the_right_to_try_from_one_that_has_it(connection, looks):
    (refused, its_look), (bound, other_look) = looks
    bound.platform.link = Link(is_up=True)
    await other_look.look()
    await platform_states.open_all(connection, {"p": "failing"})
    await connection.execute("UPDATE platform_states SET probe_at = now() - interval '10 s'")
    await its_look.look()
    await other_look.look()
    assert (refused.breaker.may_probe, bound.breaker.may_probe) == (False, True)
