"""A platform is slow when an answer of its is: a long text has one for each of its parts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.contract.smsc import an_smsc, platform_of, take
from tests.integration.dispatch.test_limits_of_parts import SIX_PARTS, at_work, waiting
from tests.support import rows

pytestmark = pytest.mark.anyio
STOPPED = "SELECT count(*) FROM alerts WHERE kind = 'platform_open'"


@asynccontextmanager
async def an_smsc_of(soon_s):
    async with an_smsc(answer=answer_each_soon) as smsc:
        smsc.soon_s = soon_s
        yield smsc


async def answer_each_soon(smsc, writer, unit):
    talks = smsc.talks
    talks.add(task := asyncio.create_task(soon(smsc, writer, unit)))
    task.add_done_callback(talks.discard)


async def soon(smsc, writer, unit):
    await asyncio.sleep(smsc.soon_s)
    await take(smsc, writer, unit)


@pytest.mark.parametrize("limit", [{}, {"per_second": 50}])
async def test_long_texts_do_not_make_a_platform_slow_that_answers_each_part_soon(
    dsn, connection, monkeypatch, limit
):
    monkeypatch.setattr("disparo.dispatch.breaker._SLOW_S", 3.0)  # all six parts take more
    ids = await waiting(connection, 20)
    async with (
        an_smsc_of(0.6) as smsc,
        at_work(dsn, platform_of(smsc, bind_window=10, long_texts="parts", **limit), SIX_PARTS),
    ):
        await smsc.until(lambda: len(smsc.submitted) == 120, seconds=20)
        await asyncio.sleep(0.8)
    assert await rows.statuses(connection, ids) == ["accepted"] * 20
    assert await connection.fetchval(STOPPED) == 0


async def test_a_worker_that_stops_waits_for_each_part_as_long_as_for_a_text_of_one(
    dsn, connection, monkeypatch
):
    monkeypatch.setattr("disparo.dispatch.worker._RECORDED_WITHIN_S", 0.5)
    ids = await waiting(connection, 2)
    async with (
        an_smsc_of(0.4) as smsc,
        at_work(dsn, platform_of(smsc, timeout_s=1.5, long_texts="parts"), SIX_PARTS),
    ):
        await smsc.until(lambda: len(smsc.submitted) == 2)
    assert len(smsc.submitted) == 12
    assert await rows.statuses(connection, ids) == ["accepted"] * 2
