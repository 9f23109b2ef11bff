"""What a platform surely has not uses nothing up of what it takes in a day."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.smsc import an_smsc, platform_of, refuse, take
from tests.integration.dispatch.test_limits_of_parts import RULES, at_work, used_of_the_day, waiting
from tests.support import rows
from tests.support.hands import a_handover
from tests.support.locks import until_somebody_waits

from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio


async def test_a_day_is_not_used_up_by_what_no_bind_was_there_for(dsn, connection):
    ids = await waiting(connection, 5)
    async with (
        an_smsc(bind_status=0x05) as smsc,
        at_work(dsn, platform_of(smsc, per_day=10, long_texts="parts")),
    ):
        while await connection.fetchval("SELECT count(*) FROM attempts WHERE outcome = 'not_taken'") < 5:
            await asyncio.sleep(0.02)
        smsc.bind_status = 0
        await smsc.until(lambda: len(smsc.submitted) == 10, seconds=30)
        await asyncio.sleep(0.2)
    assert await rows.statuses(connection, ids) == ["accepted"] * 5
    assert await used_of_the_day(connection) == 10


async def test_nor_by_what_was_throttled(dsn, connection):
    async def throttle_first(smsc, writer, unit):
        await (refuse(0x58) if len(smsc.submitted) == 1 else take)(smsc, writer, unit)

    ids = await waiting(connection, 2)
    async with (
        an_smsc(answer=throttle_first) as smsc,
        at_work(dsn, platform_of(smsc, per_day=10, long_texts="parts")),
    ):
        await smsc.until(lambda: len(smsc.submitted) == 5)
        await asyncio.sleep(0.2)
    assert await rows.statuses(connection, ids) == ["accepted"] * 2
    assert await used_of_the_day(connection) == 4


async def test_a_day_that_was_full_of_what_was_not_taken_is_not_full(dsn, connection):
    ids = await waiting(connection, 3)
    async with an_smsc() as smsc:
        smsc.answers_binds.clear()
        async with at_work(dsn, platform_of(smsc, per_day=4, long_texts="parts")):
            await smsc.until(lambda: smsc.binds)
            while await connection.fetchval("SELECT count(*) FROM attempts WHERE outcome = 'not_taken'") < 2:
                await asyncio.sleep(0.02)
            smsc.answers_binds.set()
            await smsc.until(lambda: len(smsc.submitted) == 4, seconds=30)
            await asyncio.sleep(0.2)
    assert sorted(await rows.statuses(connection, ids)) == ["accepted", "accepted", "queued"]


async def test_nor_by_what_a_pause_kept_from_its_start(pool, connection):
    platform = GenericHttp("p", read_table("p", {"url": "http://127.0.0.1:1/", "per_day": 10}))
    ids = await rows.add_messages(connection, 3)
    async with a_handover(pool, connection) as handover:
        handover.use({"p": platform}, [Route("p")], RULES)
        async with asyncio.timeout(30):
            while not await connection.fetchval("SELECT count(*) FROM platform_rates"):
                await asyncio.sleep(0.01)
            async with connection.transaction():
                await connection.execute("SELECT FROM platform_rates FOR UPDATE")
                await handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=True)
                await until_somebody_waits(connection)
                handover.lanes["p"].breaker.paused = True
            while await used_of_the_day(connection) != 0:
                await asyncio.sleep(0.01)
    assert await connection.fetchval("SELECT count(*) FROM attempts") == 0
