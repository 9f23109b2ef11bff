"""A platform answers after it was given up: what it says settles the message, and its receipts with it."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import pytest
from tests.integration.dispatch.test_receipts import say
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
UNKNOWN, TAKEN = Outcome(OutcomeKind.AMBIGUOUS), Outcome(OutcomeKind.ACCEPTED, platform_id="id-1")


class Slow(GenericHttp):
    """Gives each message up at once; `report` is kept for what is said later."""

    report = None

    async def send(self, _batch, report=None):
        self.report = report
        report(0, UNKNOWN)
        return [UNKNOWN]


@pytest.fixture
def slow():
    return Slow("p", read_table("p", {"url": "http://127.0.0.1:1/"}))


@pytest.fixture
async def message(pool, connection, slow):
    """One that was handed over and is uncertain."""
    recorder = Recorder(pool)
    async with a_handover(pool, connection, recorder) as handover:
        handover.use({"p": slow}, [Route("p")], RULES)
        recording = asyncio.create_task(recorder.run())
        (id_,) = await rows.add_messages(connection)
        await handover.handle_chunk(await rows.chunk_of(connection, id_), urgent=True)
        await until(connection, id_, "uncertain")
        yield id_
        await handover.fleet.drained()
        assert all(lane.room(urgent=True) > 0 and lane.places.taken == 0 for lane in handover.lanes.values())
        recording.cancel()


async def until(connection, id_, status):
    async with asyncio.timeout(10):
        while await rows.statuses(connection, [id_]) != [status]:
            await asyncio.sleep(0.02)


async def test_a_late_answer_settles_an_uncertain_message_once(connection, slow, message):
    slow.report(0, TAKEN)
    slow.report(0, TAKEN)
    await until(connection, message, "accepted")
    attempts = await connection.fetch("SELECT outcome, platform_id FROM attempts")
    assert [tuple(row) for row in attempts] == [("accepted", "id-1")]


async def test_a_receipt_that_came_before_the_late_answer_is_applied(pool, connection, slow, message):
    await say(pool, "delivered")
    assert await rows.statuses(connection, [message]) == ["uncertain"]
    slow.report(0, TAKEN)
    await until(connection, message, "delivered")
