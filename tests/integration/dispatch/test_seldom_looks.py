"""What only a stopped platform could take is looked at ever more rarely while others of the worker have room."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from tests.support import looks, rows
from tests.support.hands import a_handover

from disparo.dispatch import patience
from disparo.dispatch.lane import Lane
from disparo.dispatch.rules import Rules
from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio
RULES = Rules("X", None, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False)
SOUTH, RIO = Route("south", ddds=frozenset({"51"})), Route("rio", ddds=frozenset({"11"}))


@pytest.fixture
def clock(monkeypatch):
    """The seconds of a worker's monotonic clock."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
async def handover(pool, connection, monkeypatch):
    """One whose lanes start nothing: what they are given waits in them."""
    monkeypatch.setattr(Lane, "run", lambda *_: asyncio.sleep(60))
    async with a_handover(pool, connection) as handover:
        yield handover


def platform(name):
    return GenericHttp(name, read_table(name, {"url": "http://127.0.0.1:1/"}))


@pytest.fixture(autouse=True)
def looked_at(monkeypatch):
    return looks.noted(monkeypatch)


async def look(handover, connection, looked_at):
    """Have all that waits looked at; gives how many wait for how many seconds."""
    await connection.execute("UPDATE messages SET due_at = now() - interval '1 s' WHERE status = 'queued'")
    chunks = await connection.fetch("SELECT DISTINCT chunk_id FROM messages WHERE status = 'queued'")
    for row in sorted(chunks, key=lambda row: row["chunk_id"]):
        await handover.handle_chunk(row["chunk_id"], urgent=True)
    waiting = await connection.fetch("SELECT id, due_at FROM messages WHERE status = 'queued'")
    return Counter(round((row["due_at"] - looked_at[row["id"]]).total_seconds()) for row in waiting)


async def test_of_what_waits_for_a_paused_platform_a_few_try_it_and_the_others_wait_longer_and_longer(
    connection, handover, clock, looked_at
):
    await rows.add_messages(connection, 100, kind="bulk")
    handover.use({"south": platform("south"), "rio": platform("rio")}, [SOUTH, RIO], RULES)
    handover.lanes["rio"].breaker.paused = True
    assert await look(handover, connection, looked_at) == {15: 100}
    clock.now += 400
    assert await look(handover, connection, looked_at) == {15: 20, 100: 80}
    for _ in range(3):
        clock.now += 1000
        await look(handover, connection, looked_at)
    clock.now += 1000
    assert await look(handover, connection, looked_at) == {15: 20, 600: 80}
    handover.lanes["rio"].breaker.paused = False
    assert await look(handover, connection, looked_at) == {}
    handover.lanes["rio"].breaker.paused = True
    clock.now += 60
    await rows.add_messages(connection, 50, first_id=1000, kind="bulk")
    assert await look(handover, connection, looked_at) == {15: 50}  # this is another pause


async def test_new_settings_are_tried_at_once(connection, handover, clock, looked_at):
    await rows.add_messages(connection, 100, kind="bulk")
    handover.use({"south": platform("south")}, [SOUTH], RULES)
    await look(handover, connection, looked_at)
    for _ in range(3):
        clock.now += 1000
        await look(handover, connection, looked_at)
    clock.now += 1000
    assert await look(handover, connection, looked_at) == {15: 20, 600: 80}
    handover.use({"south": platform("south")}, [SOUTH], RULES)
    assert await look(handover, connection, looked_at) == {15: 100}


async def test_what_a_person_waits_for_is_looked_at_each_minute(connection, handover, clock, looked_at):
    await rows.add_messages(connection, 100)
    handover.use({"south": platform("south")}, [SOUTH], RULES)
    for _ in range(4):
        await look(handover, connection, looked_at)
        clock.now += 1000
    assert await look(handover, connection, looked_at) == {15: 20, 60: 80}
