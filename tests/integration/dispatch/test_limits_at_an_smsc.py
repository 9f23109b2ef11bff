"""What an SMSC's account may send in a second is kept while its binds come and go."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest
from tests.contract.smsc import an_smsc, platform_of, take
from tests.support import rows
from tests.support.arrivals import largest_within

from disparo import queue
from disparo.dispatch.rules import Rules
from disparo.dispatch.worker import Worker, WorkerPlan, WorkerSettings
from disparo.domain.routing import Route

pytestmark = pytest.mark.anyio
RULES = Rules(
    "X",
    "{marca} {valor} {vencimento}",
    ZoneInfo("America/Sao_Paulo"),
    3,
    allow_paid=False,
    is_holiday=lambda *_: False,
)


@asynccontextmanager
async def working(dsn, platform):
    stop = asyncio.Event()
    worker = Worker(
        dsn, plan=WorkerPlan({"p": platform}, (Route("p"),), RULES), settings=WorkerSettings(10_000)
    )
    running = asyncio.create_task(worker.run(stop))
    yield worker
    stop.set()
    await running


@pytest.mark.parametrize("rate", [20, 40])
async def test_what_waited_for_a_bind_is_not_written_at_once(dsn, connection, rate):
    at = []

    async def note(smsc, writer, unit):
        at.append(time.monotonic())
        await take(smsc, writer, unit)

    messages = rate * 4
    ids = await rows.add_messages(connection, messages)
    await queue.enqueue(connection, [queue.WakeUp(await rows.chunk_of(connection, ids[0]))])
    async with (
        an_smsc(answer=note) as smsc,
        asyncio.timeout(60),
        working(dsn, platform_of(smsc, per_second=rate, bind_window=50)),
    ):
        await smsc.until(lambda: len(at) > rate)
        smsc.answers_binds.clear()
        smsc.writers[0].transport.abort()
        await smsc.until(lambda: len(smsc.binds) == 2)
        await asyncio.sleep(1.5)
        smsc.answers_binds.set()
        await smsc.until(lambda: len(at) >= messages, seconds=30)
        await asyncio.sleep(0.2)  # the last answers are on their way
    assert largest_within(sorted(at), 1.0) <= rate
    statuses = await rows.statuses(connection, ids)
    assert (len(at), set(statuses)) == (messages, {"accepted"})
    assert await connection.fetchval("SELECT max(tries) FROM messages") == 1
    assert not await connection.fetchval("SELECT count(*) FROM platform_states WHERE open_reason IS NOT NULL")


async def test_a_changed_table_binds_when_the_one_before_is_done_where_one_bind_is_allowed(dsn, connection):
    async def slow(smsc, writer, unit):
        if len(smsc.submitted) == 1:
            await asyncio.sleep(1.5)
        await take(smsc, writer, unit)

    ids = await rows.add_messages(connection, 2)
    first, second = ([id_] for id_ in ids)
    await connection.execute(
        "UPDATE messages SET due_at = now() + interval '1 hour' WHERE id = $1", second[0]
    )
    chunk = await rows.chunk_of(connection, ids[0])
    await queue.enqueue(connection, [queue.WakeUp(chunk)])
    async with (
        an_smsc(answer=slow, most_bound=1) as smsc,
        asyncio.timeout(60),
        working(dsn, platform_of(smsc)) as worker,
    ):
        await smsc.until(lambda: smsc.submitted)
        for timeout_s in (18, 19):  # a person corrects a correction
            worker.use(WorkerPlan({"p": platform_of(smsc, timeout_s=timeout_s)}, (Route("p"),), RULES))
        await connection.execute("UPDATE messages SET due_at = now() WHERE id = $1", second[0])
        await queue.enqueue(connection, [queue.WakeUp(chunk)])
        await smsc.until(lambda: len(smsc.submitted) == 2, seconds=30)
        await asyncio.sleep(0.2)  # the last answer is on its way
    assert await rows.statuses(connection, first + second) == ["accepted"] * 2
    assert len(smsc.binds) == 2
    assert await connection.fetchval("SELECT sum(not_taken) FROM messages") == 0
