"""A window's places: all of them are used, however many there are."""

from __future__ import annotations

import asyncio
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
    """Answers nobody until it is let go."""

    def __init__(self, places):
        super().__init__("p", read_table("p", {"url": "http://127.0.0.1:1/", "window": places}))
        self.held, self.let_go = 0, asyncio.Event()

    async def send(self, batch, report=None):
        self.held += len(batch)
        await self.let_go.wait()
        outcomes = [Outcome(OutcomeKind.ACCEPTED, platform_id=message.reference) for message in batch]
        for place, outcome in enumerate(outcomes):
            report(place, outcome)
        return outcomes


@pytest.mark.parametrize("places", [1, 2, 3, 9, 10])
async def test_as_many_are_in_flight_as_there_are_places(pool, connection, places):
    platform, recorder = Holding(places), Recorder(pool)
    async with a_handover(pool, connection, recorder) as handover:
        handover.use({"p": platform}, [Route("p")], RULES)
        recording = asyncio.create_task(recorder.run())
        ids = await rows.add_messages(connection, 30)
        handling = asyncio.create_task(
            handover.handle_chunk(await rows.chunk_of(connection, ids[0]), urgent=True)
        )
        async with asyncio.timeout(10):
            while platform.held < places:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert platform.held == places
        platform.let_go.set()
        await handling
        await handover.fleet.drained()
        recording.cancel()
