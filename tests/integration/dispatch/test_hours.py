"""What waits for hours of a platform goes as soon as the settings say other ones, or another platform."""

from __future__ import annotations

import asyncio
from datetime import time as clock_time
from zoneinfo import ZoneInfo

import pytest
from tests.support import rows
from tests.support.hands import a_handover

from disparo.dispatch import hours, watch
from disparo.dispatch.lane import Lane
from disparo.dispatch.rules import Rules
from disparo.dispatch.watch import PlatformWatch
from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio
RULES = Rules("X", None, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False)
NEVER = (clock_time(0), clock_time(0))


@pytest.fixture
async def handover(pool, connection, monkeypatch):
    """One whose lanes start nothing, and whose changes are known to all at once."""
    monkeypatch.setattr(Lane, "run", lambda *_: asyncio.sleep(60))
    monkeypatch.setattr(watch, "_KNOWN_TO_ALL_S", 0.0)
    async with a_handover(pool, connection) as handover:
        yield handover


def use(handover, *routes):
    platforms = {
        route.name: GenericHttp(route.name, read_table(route.name, {"url": "http://127.0.0.1:1/"}))
        for route in routes
    }
    handover.use(platforms, routes, RULES)


async def is_due(connection, message_id):
    """Tell whether a message may go now, as its row and the queue's entry have it."""
    row = await connection.fetchrow(
        """SELECT m.due_at <= now() AS message, q.execute_after <= now() AS entry
           FROM messages m JOIN pgqueuer q ON q.status = 'queued' AND q.dedupe_key LIKE '%:' || m.chunk_id
           WHERE m.id = $1 AND m.status = 'queued'""",
        message_id,
    )
    assert row["message"] is row["entry"]
    return row["message"]


@pytest.mark.parametrize(
    ("bound", "routes", "goes"),
    [
        (False, [Route("p")], True),
        (False, [Route("p", hours=NEVER), Route("q")], True),
        (False, [Route("p", hours=NEVER)], False),
        (False, [Route("p", hours=NEVER), Route("q", ddds=frozenset({"21"}))], False),
        (False, [Route("p", hours=NEVER), Route("q", weight=0)], False),
        (True, [Route("p", weight=0)], True),
        (True, [Route("p", hours=NEVER), Route("q")], False),
        (True, [Route("q")], False),
    ],
    ids=[
        "other hours",
        "a platform more",
        "no change",
        "one of another area",
        "one that gets nothing new",
        "other hours of its own platform",
        "a platform that did not have it",
        "its own is gone",
    ],
)
async def test_what_waits_for_hours_goes_when_the_settings_have_others(
    connection, handover, bound, routes, goes
):
    (message,) = await rows.add_messages(connection)
    if bound:
        await connection.execute("UPDATE messages SET tries = 1, platform = 'p'")
    use(handover, Route("p", hours=NEVER))
    looks = PlatformWatch(handover._pool, handover._pool, handover, handover._holder)
    await handover.handle_chunk(await rows.chunk_of(connection, message), urgent=True)
    await looks.look()
    assert not await is_due(connection, message)
    use(handover, *routes)
    await looks.look()
    assert await is_due(connection, message) is goes


async def test_what_waited_while_no_worker_was_there_is_looked_at_by_the_next(pool, connection, handover):
    (message,) = await rows.add_messages(connection)
    use(handover, Route("p", hours=NEVER))
    await handover.handle_chunk(await rows.chunk_of(connection, message), urgent=True)
    use(handover, Route("p"))
    await PlatformWatch(pool, pool, handover, handover._holder).look()
    assert await is_due(connection, message)


async def test_what_comes_back_to_wait_is_not_brought_forward_over_and_over(
    pool, connection, handover, monkeypatch
):
    """The platform that is open takes no text so long: what waits for the other one waits, undisturbed."""
    monkeypatch.setattr(hours, "AT_ONCE", 2)
    waiting = [(await rows.add_messages(connection, first_id=id_))[0] for id_ in range(1, 6)]
    await connection.execute("UPDATE invoices SET link = 'https://faturas.example.com/' || repeat('x', 200)")
    short = {"url": "http://127.0.0.1:1/", "segments": {"max_parts": 1}}
    platforms = {
        "short": GenericHttp("short", read_table("short", short)),
        "long": GenericHttp("long", read_table("long", {"url": "http://127.0.0.1:1/"})),
    }
    handover.use(platforms, [Route("short"), Route("long", hours=NEVER)], RULES)

    async def take_up():
        due = await connection.fetch(
            "SELECT DISTINCT chunk_id FROM messages WHERE status = 'queued' AND due_at <= now()"
        )
        for row in due:
            await handover.handle_chunk(row["chunk_id"], urgent=True)
        return len(due)

    assert await take_up() == len(waiting)
    watching = PlatformWatch(pool, pool, handover, handover._holder)
    looked_at = 0
    for _ in range(10):
        await watching.look()
        looked_at += await take_up()
    assert looked_at == len(waiting)
    assert await connection.fetchval("SELECT count(*) FROM messages WHERE reason = 'platform_hours'") == 5


async def test_a_bulk_runs_messages_go_too(pool, connection, handover):
    (message,) = await rows.add_messages(connection, kind="bulk", chunk_id=-7)
    await connection.execute(
        "INSERT INTO bulk_runs (dispatch_id, actor, not_before) SELECT id, 'test', now() FROM dispatches"
    )
    await connection.execute(
        """INSERT INTO bulk_chunks (chunk_id, dispatch_id, due_at)
           SELECT -7, dispatch_id, now() + interval '9 h' FROM messages"""
    )
    await connection.execute("UPDATE messages SET due_at = now() + interval '9 h', reason = 'platform_hours'")
    use(handover, Route("p"))
    await PlatformWatch(pool, pool, handover, handover._holder).look()
    row = await connection.fetchrow(
        """SELECT m.due_at <= now() AS message, c.due_at <= now() AS chunk
           FROM messages m JOIN bulk_chunks c USING (chunk_id) WHERE m.id = $1""",
        message,
    )
    assert tuple(row) == (True, True)
