"""An SMSC counts submit_sm: what its account may send in a second is kept by long texts too."""

from __future__ import annotations

import asyncio
import time
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
TWO_PARTS = "{marca} {valor} {vencimento} " + "x" * 200


@pytest.mark.parametrize(
    ("able", "messages", "submitted"),
    [
        ({"per_second": 20, "long_texts": "parts"}, 30, 60),
        ({"per_second": 20, "long_texts": "payload"}, 30, 30),
        ({"per_second": 1, "long_texts": "parts"}, 3, 6),  # slower than a start may wait for its moment
    ],
)
async def test_each_part_has_its_moment(dsn, connection, able, messages, submitted):
    at = []

    async def note(smsc, writer, unit):
        at.append(time.monotonic())
        await take(smsc, writer, unit)

    rules = Rules(
        "X", TWO_PARTS, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False
    )
    ids = await rows.add_messages(connection, messages)
    await queue.enqueue(connection, [queue.WakeUp(await rows.chunk_of(connection, ids[0]))])
    stop = asyncio.Event()
    async with an_smsc(answer=note) as smsc, asyncio.timeout(60):
        plan = WorkerPlan({"p": platform_of(smsc, **able)}, (Route("p"),), rules)
        running = asyncio.create_task(Worker(dsn, plan=plan, settings=WorkerSettings(10_000)).run(stop))
        await smsc.until(lambda: len(at) == submitted, seconds=30)
        stop.set()
        await running
    # The second part goes when the first is answered; and a busy machine is late by some ms.
    assert largest_within(sorted(at), 1.0) <= able["per_second"] + 2
    assert await rows.statuses(connection, ids) == ["accepted"] * messages
    assert await connection.fetchval("SELECT count(*) FROM attempts") == messages
