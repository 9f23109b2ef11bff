"""Who tries a platform that was stopped: a worker that has a message to try it with."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import AsyncExitStack, asynccontextmanager
from zoneinfo import ZoneInfo

import pytest
from tests.support import rows
from tests.support.hands import a_handover
from tests.support.locks import until_somebody_waits

from disparo.db import alerts, platform_states
from disparo.dispatch import patience
from disparo.dispatch import watch as watch_module
from disparo.dispatch.alarms import Alarms
from disparo.dispatch.lane import Lane
from disparo.dispatch.rules import Rules
from disparo.dispatch.watch import PlatformWatch
from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio
RULES = Rules("X", None, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False)

#: A try that has been due for longer is anybody's.
LEFT_S = 600.0


@pytest.fixture
async def workers(pool, connection, monkeypatch):
    """Two of them, and what they have of a platform that is stopped; their lanes start nothing."""
    monkeypatch.setattr(Lane, "run", lambda *_: asyncio.sleep(60))
    # Who waits for room goes on waiting, however long a busy machine takes to get to the next step.
    monkeypatch.setattr(patience, "_LOOK_ANYWAY_S", 600.0)
    # So is one that has nothing to try with, for the worker that has something.
    monkeypatch.setattr(watch_module, "_LEFT_TO_OTHERS_S", LEFT_S)
    await platform_states.open_all(connection, {"p": "slow"})
    async with AsyncExitStack() as stack:
        handovers = [await stack.enter_async_context(a_handover(pool, connection)) for _ in range(2)]
        for handover in handovers:
            handover.use({"p": GenericHttp("p", table())}, [Route("p")], RULES)
        yield [(one, PlatformWatch(pool, pool, one, one._holder)) for one in handovers]


def table():
    return read_table("p", {"url": "http://127.0.0.1:1/"})


async def due_for(connection, seconds):
    await connection.execute(
        "UPDATE platform_states SET probe_at = now() - make_interval(secs => $1)", float(seconds)
    )


@asynccontextmanager
async def waits_for_room(connection, handover):
    ids = await rows.add_messages(connection)
    handling = asyncio.create_task(
        handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=True)
    )
    while not handover.has_waiting:
        await asyncio.sleep(0)
    yield
    handling.cancel()


async def test_who_has_nothing_to_try_leaves_it_to_who_has(connection, workers):
    (idle, idle_watch), (busy, busy_watch) = workers
    await due_for(connection, -100)
    await busy_watch.look()  # it knows that the platform is stopped before it has a message for it
    await due_for(connection, 0)
    lane, rooms = busy.lanes["p"], []
    tell = lane.on_room

    def told():  # before what waits takes the room
        rooms.append(lane.room(urgent=True))
        tell()

    lane.on_room = told
    async with waits_for_room(connection, busy):
        await idle_watch.look()
        await busy_watch.look()
    assert idle.lanes["p"].room(urgent=True) == 0
    assert 1 in rooms


async def test_where_nobody_has_anything_one_may_try_with_what_comes_next(connection, workers):
    (first, first_watch), (second, second_watch) = workers
    await due_for(connection, LEFT_S + 1)
    await first_watch.look()
    await second_watch.look()
    assert (first.lanes["p"].room(urgent=True), second.lanes["p"].room(urgent=True)) == (1, 0)
    await due_for(connection, LEFT_S + 1)  # the first has not tried yet: it is the other's turn
    await first_watch.look()
    await second_watch.look()
    assert second.lanes["p"].room(urgent=True) == 1


async def test_a_stopped_platform_that_is_used_again_is_an_alarm_again(connection, pool, workers):
    """It was taken out of the settings, and put back, while it failed."""
    (_, watch), _ = workers

    async def detail():
        return [row["detail"] for row in await alerts.live(connection)]

    await Alarms(pool, zone=RULES.zone).look({})
    assert await detail() == []
    await watch.look()
    assert await detail() == ["slow"]
    await alerts.clear(connection, alerts.PLATFORM_OPEN, "p")
    await watch.look()  # it was said
    assert await detail() == []


def use_new_settings(handover):
    handover.use({"p": GenericHttp("p", table())}, [Route("p")], RULES)


async def test_who_may_try_may_so_with_new_settings_too(connection, workers):
    """Whoever mended them sends something, and it goes at once."""
    (handover, watch), _ = workers
    await due_for(connection, LEFT_S + 1)
    await watch.look()
    use_new_settings(handover)
    assert handover.lanes["p"].room(urgent=True) == 1
    await watch.look()
    assert handover.lanes["p"].room(urgent=True) == 1


async def test_a_right_to_try_that_is_given_while_the_settings_change_is_the_new_lanes(connection, workers):
    (handover, watch), _ = workers
    await watch.look()
    await due_for(connection, LEFT_S + 1)
    async with connection.transaction():
        await connection.execute("SELECT FROM platform_states FOR UPDATE")
        looking = asyncio.create_task(watch.look())
        await until_somebody_waits(connection)
        use_new_settings(handover)
    await looking
    assert handover.lanes["p"].room(urgent=True) == 1


async def test_who_ends_tries_nothing(connection, workers):
    (ending, ending_watch), (other, other_watch) = workers
    await due_for(connection, LEFT_S + 1)
    ending._holder.ending = True
    ending.fleet.close()
    await ending_watch.look()
    await other_watch.look()
    assert other.lanes["p"].room(urgent=True) == 1


@asynccontextmanager
async def waits_for_its_moment(connection, handover):
    """A message is looked at and waits for the platform's limit, until this ends; gives who handles it."""
    chunk_id = await rows.chunk_of(connection, (await rows.add_messages(connection))[0])
    async with connection.transaction():
        await connection.execute("SELECT FROM platform_rates FOR UPDATE")
        handling = asyncio.create_task(handover.handle_chunk(chunk_id, urgent=True))
        await until_somebody_waits(connection)
        yield handling


async def test_a_right_to_try_is_kept_where_what_it_was_for_went_another_way(pool, connection):
    """It waits for its moment, and is let go of meanwhile."""
    await connection.execute("INSERT INTO platform_rates (platform, tat) VALUES ('p', '2000-01-01')")
    platform = GenericHttp("p", table())
    platform.capabilities = dataclasses.replace(platform.capabilities, per_second=50.0, shared_window=None)
    async with a_handover(pool, connection) as handover:
        handover.use({"p": platform}, [Route("p")], RULES)
        lane = handover.lanes["p"]
        lane.breaker.open_reason, lane.breaker.may_probe = "slow", True
        async with asyncio.timeout(30):
            async with waits_for_its_moment(connection, handover) as handling:
                assert len(lane.take_waiting()) == 1
            while await connection.fetchval("SELECT tat < '2001-01-01' FROM platform_rates"):
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)  # longer than moments are ahead
            handling.cancel()
        assert lane.room(urgent=True) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"open_reason": "slow", "may_probe": True}, {"paused": True}),
        ({}, {"open_reason": "slow", "may_probe": True}),  # it would be a try of as many as waited
    ],
    ids=["a person pauses it", "it fails and may be tried"],
)
async def test_nothing_is_started_by_moments_of_before(pool, connection, before, after):
    await connection.execute("INSERT INTO platform_rates (platform, tat) VALUES ('p', '2000-01-01')")
    platform, groups = GenericHttp("p", table()), asyncio.Queue()
    platform.capabilities = dataclasses.replace(platform.capabilities, per_second=50.0, shared_window=None)
    async with a_handover(pool, connection) as handover:
        handover.use({"p": platform}, [Route("p")], RULES)
        lane = handover.lanes["p"]
        take = lane._take_group

        def noted(grant, *, probe):
            groups.put_nowait(found := take(grant, probe=probe))
            return found

        lane._take_group = noted
        for name, value in before.items():
            setattr(lane.breaker, name, value)
        async with asyncio.timeout(30):
            async with waits_for_its_moment(connection, handover) as handling:
                for name, value in after.items():
                    setattr(lane.breaker, name, value)
            assert await groups.get() == []
        handling.cancel()


async def test_a_worker_that_stood_still_blames_no_platform(connection, workers, monkeypatch):
    """Stopped with its virtual machine, say: answers came meanwhile, and nobody was there to read them."""
    (_, watch), (_, other_watch) = workers
    await platform_states.close_all(connection, ["p"])
    monkeypatch.setattr(Lane, "ages_s", property(lambda _: [20.0] * 5))

    async def reason_after(watch, stood_still_s):
        monkeypatch.setattr(watch_module, "_STOOD_STILL_S", stood_still_s)
        await watch.until_next()
        await watch.look()
        return (await platform_states.read(connection))["p"]["open_reason"]

    assert await reason_after(watch, 0.0) is None
    assert await reason_after(other_watch, 600.0) == "slow"


async def test_what_a_failed_try_says_is_told_to_the_other_worker(connection, workers):
    (one, one_watch), (other, other_watch) = workers
    for watch in (one_watch, other_watch):
        await watch.look()
    one.lanes["p"].breaker.note(
        Outcome(OutcomeKind.NOT_TAKEN, failure=FailureClass.CREDIT), latency_s=0.1, probe=True
    )
    await one_watch.look()
    await other_watch.look()
    assert [handover.lanes["p"].breaker.open_reason for handover in (one, other)] == ["credit", "credit"]
    assert not one.lanes["p"].breaker.has_news
