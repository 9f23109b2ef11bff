"""What cannot go by one platform: given back when it stops, and looked at again no oftener than it can take it."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import time as clock_time
from datetime import timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from tests.integration.dispatch.test_fence import claimed, start
from tests.support import looks, rows
from tests.support.hands import a_handover
from tests.support.locks import until_somebody_waits

from disparo import queue
from disparo.db import platform_states
from disparo.dispatch import lane as lane_module
from disparo.dispatch import patience
from disparo.dispatch.alarms import Alarms
from disparo.dispatch.claims import Holder
from disparo.dispatch.give_back import give_back, let_go
from disparo.dispatch.lane import Lane
from disparo.dispatch.rules import Rules
from disparo.dispatch.watch import PlatformWatch
from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table
from disparo.platforms.smpp.platform import Smpp

pytestmark = pytest.mark.anyio
MIDNIGHT = clock_time(0)
RULES = Rules("X", None, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False)


@pytest.fixture
async def handover(pool, connection, monkeypatch):
    """One whose lanes start nothing: what they are given waits in them."""
    monkeypatch.setattr(Lane, "run", lambda *_: asyncio.sleep(60))
    async with a_handover(pool, connection) as handover:
        yield handover


def platform(name, **table):
    return GenericHttp(name, read_table(name, {"url": "http://127.0.0.1:1/", **table}))


async def test_what_is_let_go_while_the_database_is_away_is_given_back(
    pool, connection, handover, monkeypatch
):
    ids = await rows.add_messages(connection, 3)
    handover.use({"p": platform("p")}, [Route("p")], RULES)
    await handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=True)
    assert await rows.statuses(connection, ids) == ["claimed"] * 3
    waiting = handover.lanes["p"].take_waiting()

    async def away(*_args, **_kwargs):
        raise asyncpg.ConnectionDoesNotExistError("gone")

    with monkeypatch.context() as patch:
        patch.setattr("disparo.db.messages.put_back", away)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await let_go(pool, waiting, "platform_stopped")
    await asyncio.sleep(0)
    assert await give_back(pool, handover._holder) == 3
    assert await rows.statuses(connection, ids) == ["queued"] * 3


async def test_what_is_given_to_a_lane_that_was_closed_meanwhile_is_given_back(pool, connection, handover):
    """The settings change between its look and the lane: no task of that lane would ever start it."""
    bound, free = await rows.add_messages(connection, 2)
    await connection.execute("UPDATE messages SET tries = 1, platform = 'old' WHERE id = $1", bound)
    handover.use({"p": platform("p")}, [Route("p")], RULES)
    chunk_id = await rows.chunk_of(connection, free)
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {queue.table()} IN SHARE MODE")  # `bound` is put back
        handling = asyncio.create_task(handover.handle_chunk(chunk_id, urgent=True))
        await until_somebody_waits(connection)
        handover.use({"p": platform("p")}, [Route("p")], RULES)
    await handling
    async with asyncio.timeout(10):
        while await rows.statuses(connection, [free]) != ["queued"]:
            await give_back(pool, handover._holder)


@pytest.mark.parametrize(("tries", "status"), [(1, "uncertain"), (2, "queued")])
async def test_what_was_started_and_is_in_nobodys_hands_goes_again_where_it_may(
    pool, connection, tries, status
):
    worker, token, ids = await claimed(connection)
    await start(connection, worker, token, ids)
    await connection.execute("UPDATE dispatches SET tries = $1", tries)
    assert await give_back(pool, Holder(worker)) == len(ids)
    assert await rows.statuses(connection, ids) == [status] * len(ids)


NARROW = {"segments": {"max_parts": 1}}


@pytest.mark.parametrize(
    ("tables", "tries", "status"),
    [
        ({"p": NARROW, "q": {}}, 0, "claimed"),
        ({"p": NARROW, "q": {"ddds": ["21"]}}, 0, "failed"),
        ({"p": NARROW, "q": {"weight": 0}}, 0, "failed"),
        ({"p": NARROW, "q": NARROW}, 0, "failed"),
        ({"p": NARROW, "q": {}}, 1, "uncertain"),  # it may have gone by the first, and goes by no other
    ],
)
async def test_a_text_that_does_not_fit_on_one_platform_goes_by_one_that_takes_it(
    connection, handover, tables, tries, status
):
    [id_] = await rows.add_messages(connection, 1)
    await connection.execute("UPDATE invoices SET link = 'https://' || repeat('a', 250)")
    await connection.execute("UPDATE messages SET tries = $1, platform = 'p'", tries)
    routes = [
        Route(name, place, table.get("weight", 1), ddds=frozenset(table.get("ddds", ())))
        for place, (name, table) in enumerate(tables.items())
    ]
    own = {name: {"segments": table.get("segments", {})} for name, table in tables.items()}
    handover.use({name: platform(name, **table) for name, table in own.items()}, routes, RULES)
    await handover.handle_chunk(await rows.chunk_of(connection, id_), urgent=True)
    waiting = {name: len(lane.take_waiting()) for name, lane in handover.lanes.items()}
    assert waiting == {"p": 0, "q": int(status == "claimed")}
    assert await rows.statuses(connection, [id_]) == [status]


async def test_a_text_that_fits_only_where_nothing_goes_now_waits(connection, handover):
    [id_] = await rows.add_messages(connection, 1)
    await connection.execute("UPDATE invoices SET link = 'https://' || repeat('a', 250)")
    closed = Route("q", 1, hours=(MIDNIGHT, MIDNIGHT))  # never open
    handover.use({"p": platform("p", **NARROW), "q": platform("q")}, [Route("p"), closed], RULES)
    await handover.handle_chunk(await rows.chunk_of(connection, id_), urgent=True)
    assert await rows.statuses(connection, [id_]) == ["queued"]


async def test_new_settings_do_not_end_a_pause(pool, connection, handover):
    handover.use({"p": platform("p")}, [Route("p")], RULES)
    watch = PlatformWatch(pool, pool, handover, handover._holder)
    await platform_states.pause(connection, "p", actor="test")
    await watch.look()
    handover.use({"p": platform("p", per_second=10)}, [Route("p")], RULES)
    assert [lane.room(urgent=True) for lane in handover.lanes.values()] == [0]  # before the next look
    await platform_states.resume(connection, "p")
    await watch.look()
    assert handover.lanes["p"].room(urgent=True) > 0


async def test_what_is_looked_at_in_vain_is_still_stuck(pool, connection, handover, monkeypatch):
    monkeypatch.setattr("disparo.dispatch.patience._LOOK_ANYWAY_S", 0.1)
    ids = await rows.add_messages(connection)
    old = "now() - interval '20 min'"
    await connection.execute(f"UPDATE messages SET due_at = {old}, wait_since = {old}")
    await connection.execute(f"UPDATE waiting_chunks SET due_at = {old}")
    live = "SELECT count(*) FROM alerts WHERE kind = 'dispatch_stuck' AND cleared_at IS NULL"
    await Alarms(pool, zone=RULES.zone).look({})
    assert await connection.fetchval(live) == 1
    handover.use({}, [], RULES)
    await handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=True)
    assert await connection.fetchval("SELECT due_at > now() FROM messages")
    await Alarms(pool, zone=RULES.zone).look({})
    assert await connection.fetchval(live) == 1


async def test_what_waits_for_a_limit_of_24_hours_says_so_and_is_not_stuck(
    pool, connection, handover, monkeypatch
):
    ids = await rows.add_messages(connection)
    old = "now() - interval '20 min'"
    await connection.execute(f"UPDATE messages SET due_at = {old}, wait_since = {old}")
    await connection.execute(f"UPDATE waiting_chunks SET due_at = {old}")
    await connection.execute(f"INSERT INTO platform_day_use VALUES ('p', {old}, 5)")
    live = "SELECT count(*) FROM alerts WHERE kind = 'dispatch_stuck' AND cleared_at IS NULL"
    limited, other = platform("p", per_day=5), platform("other")
    parts = {"type": "smpp", "host": "127.0.0.1", "system_id": "x", "password": "x", "per_day": 6}
    for there, stuck in (
        ({"p": platform("p", per_day=6)}, 1),
        ({"p": limited}, 0),
        ({"p": platform("p", per_day=6)}, 1),
        ({"p": Smpp("p", read_table("p", {**parts, "segments": {"max_parts": 2}}))}, 0),  # a text of two
        ({"p": Smpp("p", read_table("p", {**parts, "long_texts": "payload"}))}, 1),
        ({"p": limited, "q": other}, 1),
    ):
        await Alarms(pool, zone=RULES.zone).look(there)
        assert await connection.fetchval(live) == stuck
    handover.use({"p": limited}, [Route("p")], RULES)
    handover.lanes["p"].day_full_until = math.inf
    monkeypatch.setattr("disparo.dispatch.patience._LOOK_ANYWAY_S", 0.0)
    monkeypatch.setattr("disparo.dispatch.patience._LOOK_IN_FULL_DAY_S", 0.0)
    await handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=True)
    assert await connection.fetchval("SELECT reason FROM messages") == "platform_day_full"


@pytest.mark.parametrize(("frees_in_s", "looked_at_in_s"), [(40_000, 600), (90, 90), (2, 15)])
async def test_what_waits_for_a_full_day_is_looked_at_seldom(
    connection, handover, monkeypatch, frees_in_s, looked_at_in_s
):
    ids = await rows.add_messages(connection, 30)
    limited, other = platform("p", per_day=5), platform("q")
    handover.use({"p": limited, "q": other}, [Route("p"), Route("q", ddds=frozenset({"21"}))], RULES)
    for module in (patience, lane_module):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    handover.lanes["p"].day_full_until = 1000.0 + frees_in_s
    before = await connection.fetchval("SELECT clock_timestamp()")
    await handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=True)
    after = await connection.fetchval("SELECT clock_timestamp()")
    (due_at,) = [row["due_at"] for row in await connection.fetch("SELECT DISTINCT due_at FROM messages")]
    wait = timedelta(seconds=looked_at_in_s)
    assert before + wait <= due_at <= after + wait
    assert await connection.fetchval("SELECT count(DISTINCT chunk_id) FROM messages") == 1


async def test_a_day_that_was_full_has_room_for_what_another_worker_gave_back(
    pool, connection, handover, monkeypatch
):
    handover.use({"p": platform("p", per_day=5)}, [Route("p")], RULES)
    lane, watch = handover.lanes["p"], PlatformWatch(pool, pool, handover, handover._holder)
    monkeypatch.setattr("disparo.dispatch.watch._FULL_DAYS_EVERY_S", 0.0)
    lane.day_full_until = time.monotonic() + 40_000
    await connection.execute(
        "INSERT INTO platform_day_use VALUES ('p', date_bin('10 min', now(), 'epoch'), 5)"
    )
    await watch.look()
    assert lane.room(urgent=True) == 0
    await connection.execute("UPDATE platform_day_use SET used = 3")
    await watch.look()
    assert lane.room(urgent=True) > 0


async def test_while_every_day_is_full_nothing_is_claimed_every_few_seconds(handover):
    handover.use({"p": platform("p", per_day=5)}, [Route("p")], RULES)
    handover.lanes["p"].day_full_until = time.monotonic() + 40_000
    assert patience.for_room_s(handover.lanes) == 120
    waiting = asyncio.create_task(handover._wait_for_room(120, urgent=True))
    _, pending = await asyncio.wait([waiting], timeout=0.2)
    assert pending
    # A person raises the limit: the platform is a new one, and what waits for room goes on at once.
    handover.use({"p": platform("p", per_day=6)}, [Route("p")], RULES)
    assert await asyncio.wait_for(waiting, 60) > 0


@pytest.mark.parametrize(
    ("timeout_s", "route", "claimed"),
    [
        (172_800, Route("p"), [20, 20, 10]),
        (60, Route("p"), [20, 30]),
        (172_800, Route("p", hours=(MIDNIGHT, MIDNIGHT)), [50]),
    ],
    ids=["they stay", "they have run out", "it is no hour of the platform"],
)
async def test_while_nothing_can_go_a_few_are_looked_at(connection, handover, timeout_s, route, claimed):
    """Each look at one that stays is two events of it, and a platform may be paused for days."""
    ids = await rows.add_messages(connection, 50, timeout_s=timeout_s)
    await connection.execute("UPDATE messages SET wait_since = now() - interval '1 hour'")
    handover.use({"p": platform("p")}, [route], RULES)
    handover.lanes["p"].breaker.paused = True
    with pytest.MonkeyPatch.context() as change:
        change.setattr("disparo.dispatch.patience._LOOK_ANYWAY_S", 0.0)
        await handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=False)
    looks = await connection.fetch(
        "SELECT count(*) FROM message_events WHERE to_status = 'claimed' GROUP BY xmin ORDER BY min(at)"
    )
    assert [each["count"] for each in looks] == claimed


async def test_what_waits_for_hours_or_for_a_person_is_not_stuck(pool, connection):
    ids = await rows.add_messages(connection, 2)
    await connection.execute(
        """UPDATE messages SET wait_since = now() - interval '9 h', due_at = now() + interval '10 min',
                  reason = CASE WHEN id = $1 THEN 'outside_window' ELSE 'platform_hours' END""",
        ids[0],
    )
    await Alarms(pool, zone=RULES.zone).look({})
    assert await connection.fetchval("SELECT count(*) FROM alerts") == 0


async def test_what_is_sent_again_waits_for_its_platforms_hours(connection, handover):
    (message,) = await rows.add_messages(connection)
    await connection.execute("UPDATE messages SET tries = 1, platform = 'p'")
    day = Route("p", hours=(clock_time(0, 0), clock_time(0, 0)))
    handover.use({"p": platform("p"), "q": platform("q")}, [day, Route("q", order=1)], RULES)
    await handover.handle_chunk(await rows.chunk_of(connection, message), urgent=True)
    row = await connection.fetchrow("SELECT status, reason, due_at > now() AS later FROM messages")
    assert dict(row) == {"status": "queued", "reason": "platform_hours", "later": True}


@pytest.mark.parametrize("others", [{}, {"per_second": 10}], ids=["in one claim", "in many"])
async def test_those_who_find_a_platform_busy_come_back_no_faster_than_it_takes_them(
    connection, handover, monkeypatch, others
):
    """Room elsewhere, of which they can make no use, has them claimed: as many at a time as there is of it."""
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: 1000.0))
    looked_at = looks.noted(monkeypatch)
    ids = await rows.add_messages(connection, 300)
    slow, idle = platform("slow", per_second=2), platform("idle", **others)
    routes = [Route("slow", ddds=frozenset({"11"})), Route("idle", ddds=frozenset({"21"}))]
    handover.use({"slow": slow, "idle": idle}, routes, RULES)
    await handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=True)
    waiting = await connection.fetch(
        "SELECT id, due_at FROM messages WHERE reason = 'platform_busy' ORDER BY id"
    )
    waits = [(row["due_at"] - looked_at[row["id"]]).total_seconds() for row in waiting]
    taken = 300 - len(waits)
    assert 0 < taken < 10
    assert waiting == sorted(waiting, key=lambda row: row["due_at"])
    assert waits[0] < 1
    assert waits[-1] == pytest.approx(64, abs=2)
    for ahead, wait_s in enumerate(waits, 1):
        assert ahead / 2.5 / 2 - 2 < wait_s < max(0.5, ahead / 2.5) + 0.1
    chunks = await connection.fetch("SELECT DISTINCT chunk_id FROM messages WHERE reason = 'platform_busy'")
    assert await queue.chunks_with_entry(connection, [row["chunk_id"] for row in chunks]) == {
        row["chunk_id"] for row in chunks
    }


@pytest.mark.parametrize(
    ("other", "works"),
    [({}, True), ({"weight": 0}, False), ({"hours": (clock_time(0, 0), clock_time(0, 0))}, False)],
)
async def test_a_platform_that_cannot_take_it_shortens_no_wait(handover, other, works):
    handover.use(
        {"p": platform("p"), "other": platform("other")}, [Route("p"), Route("other", **other)], RULES
    )
    assert handover.lanes["p"].elsewhere() is works


async def test_what_a_removed_platform_may_have_taken_goes_by_no_other_and_says_so(connection, handover):
    first, second = await rows.add_messages(connection, 2)
    await connection.execute("UPDATE messages SET tries = 1, platform = 'old' WHERE id = $1", first)
    handover.use({"new": platform("new")}, [Route("new")], RULES)
    await handover.handle_chunk(await rows.chunk_of(connection, first), urgent=True)
    assert await rows.statuses(connection, [first, second]) == ["queued", "claimed"]
    waits = await connection.fetchrow(
        "SELECT reason, due_at > now() + interval '9 min' AS long FROM messages WHERE id = $1", first
    )
    assert tuple(waits) == ("platform_removed", True)
    await connection.execute("UPDATE messages SET due_at = now() WHERE id = $1", first)
    handover.use({"old": platform("old"), "new": platform("new")}, [Route("new"), Route("old")], RULES)
    await handover.handle_chunk(await rows.chunk_of(connection, first), urgent=True)
    assert [item.start.message_id for item in handover.lanes["old"].take_waiting()] == [first]
