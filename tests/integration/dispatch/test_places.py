"""A window's places: all of them are used, however many there are."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest
from tests.support import rows
from tests.support.hands import a_handover

from disparo.dispatch.recorder import Recorder
from disparo.dispatch.rules import Rules
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio
RULES = Rules("X", None, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False)


class Holding(GenericHttp):
    """Answers nobody until it is let go. `places`: all workers' together; without, each has the usual ones."""

    def __init__(self, places=None, *, name="p"):
        window = {} if places is None else {"window": places}
        super().__init__(name, read_table(name, {"url": "http://127.0.0.1:1/", **window}))
        self.held, self.let_go = 0, asyncio.Event()

    async def send(self, batch, report=None):
        self.held += len(batch)
        await self.let_go.wait()
        outcomes = [Outcome(OutcomeKind.ACCEPTED, platform_id=message.reference) for message in batch]
        for place, outcome in enumerate(outcomes):
            report(place, outcome)
        return outcomes


@asynccontextmanager
async def handing_over(pool, connection, platform, count, *others):
    recorder, platforms = Recorder(pool), {each.name: each for each in (platform, *others)}
    async with a_handover(pool, connection, recorder) as handover:
        handover.use(platforms, [Route(name) for name in platforms], RULES)
        recording = asyncio.create_task(recorder.run())
        ids = await rows.add_messages(connection, count)
        handling = asyncio.create_task(
            handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=True)
        )
        yield handover
        await handling
        await handover.fleet.drained()
        recording.cancel()


@pytest.mark.parametrize("places", [1, 2, 3, 9, 10])
async def test_as_many_are_in_flight_as_there_are_places(pool, connection, places):
    platform = Holding(places)
    async with handing_over(pool, connection, platform, 30):
        async with asyncio.timeout(10):
            while platform.held < places:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert platform.held == places
        platform.let_go.set()


class Answering(Holding):
    """Answers after `answer_s`; the last `silent` of the first 400 not before it is let go."""

    def __init__(self, answer_s, *, silent=0, places=10, name="p"):
        super().__init__(places, name=name)
        self._answer_s, self._silent, self.answered = answer_s, silent, 0

    async def send(self, batch, report=None):
        self.held += len(batch)
        if 400 - self._silent < self.held <= 400:
            self.held -= len(batch)
            outcomes = await super().send(batch, report)
        else:
            await asyncio.sleep(self._answer_s)
            outcomes = [Outcome(OutcomeKind.ACCEPTED, platform_id=message.reference) for message in batch]
            for place, outcome in enumerate(outcomes):
                report(place, outcome)
        self.answered += len(batch)
        return outcomes


async def until_answered(platform, count):
    async with asyncio.timeout(30):
        while platform.answered < count:
            await asyncio.sleep(0.02)


async def starts(connection):
    """Give how many messages each transaction started, and whether it recorded outcomes too."""
    found = await connection.fetch(
        """SELECT count(*) FILTER (WHERE to_status = 'sending') AS many, bool_or(to_status = 'accepted') AS follows
           FROM message_events GROUP BY xmin::text HAVING bool_or(to_status = 'sending')"""
    )
    return [(row["many"], row["follows"]) for row in found]


async def test_a_window_starts_as_a_whole_where_answers_come_at_once(pool, connection, monkeypatch):
    monkeypatch.setattr("disparo.dispatch.places._QUICK_S", 1.0)  # the suite's machine is busy
    platform = Answering(0)
    async with handing_over(pool, connection, platform, 480):
        await until_answered(platform, 480)
    started = [many for many, _ in await starts(connection)]
    assert (sum(started), max(started)) == (480, 10)


async def test_half_a_window_starts_where_they_do_not(pool, connection, monkeypatch):
    monkeypatch.setattr("disparo.dispatch.places._QUICK_S", 0.03)  # they take longer, however busy it is
    platform = Answering(0.05)
    async with handing_over(pool, connection, platform, 60):
        await until_answered(platform, 60)
    found = await starts(connection)
    assert sum(many for many, _ in found) == 60
    # What follows outcomes takes the places of as many as were recorded together.
    assert max(many for many, follows in found if not follows) == 5


async def test_the_others_go_on_where_some_of_a_quick_platforms_answers_do_not_come(pool, connection):
    platform = Answering(0, silent=3)
    async with handing_over(pool, connection, platform, 480):
        await until_answered(platform, 477)
        platform.let_go.set()
        await until_answered(platform, 480)


async def test_places_that_go_while_a_quick_platform_waits_for_more_are_not_used(
    pool, connection, monkeypatch
):
    monkeypatch.setattr("disparo.dispatch.places._QUICK_S", 1.0)  # the suite's machine is busy
    monkeypatch.setattr("disparo.dispatch.places._SOON_S", 0.3)
    monkeypatch.setattr("disparo.dispatch.gate._SHARE_EVERY_S", 1.0)
    platform = Answering(0, silent=3)
    async with handing_over(pool, connection, platform, 420) as handover:
        await until_answered(platform, 397)
        await asyncio.sleep(0.1)  # until it waits
        handover.lanes["p"].forget_places()
        await until_answered(platform, 417)
        platform.let_go.set()
        await until_answered(platform, 420)
