"""The frequency caps: a phone gets so many notices and collections, whoever hands them over."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.support import rows

from disparo import queue
from disparo.db import phone_turns
from disparo.db.phone_turns import Caps
from disparo.db.pool import connect
from disparo.dispatch import rules
from disparo.dispatch.rules import Rules
from disparo.dispatch.worker import Worker, WorkerPlan, WorkerSettings
from disparo.domain.message import NEVER_SENT, Status
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.domain.routing import Route
from disparo.platforms.base import Capabilities

pytestmark = pytest.mark.anyio

ZONE = ZoneInfo("America/Sao_Paulo")
PHONE = "+5511988880001"
NOW = datetime.now(UTC)


class Taker:
    """Takes everything, or refuses the first."""

    name = "p"

    def __init__(self, *, refuses_first=False):
        self.unknown_codes = {}
        self.capabilities = Capabilities()
        self.sent = []
        self._refuses = refuses_first

    def listen(self, hear):
        pass

    async def send(self, batch, _report=None):
        self.sent += [message.reference for message in batch]
        kind = OutcomeKind.REFUSED if self._refuses else OutcomeKind.ACCEPTED
        self._refuses = False
        return [Outcome(kind, platform_id=message.reference) for message in batch]

    async def close(self):
        pass


@pytest.fixture(autouse=True)
def _open_at_any_hour(monkeypatch):
    monkeypatch.setattr(rules, "_opens_at", lambda facts, _rules: facts["now"])


async def add(connection, count, *, purpose="notice", first_id=1):
    """Messages to one phone, of as many invoices; gives their ids."""
    ids = await rows.add_messages(connection, count, first_id=first_id)
    await connection.execute(
        "UPDATE dispatches SET purpose = $1 WHERE id = (SELECT dispatch_id FROM messages WHERE id = $2)",
        purpose,
        ids[0],
    )
    await connection.execute(
        "UPDATE messages SET origin = 'extra', e164 = $1 WHERE id = ANY($2::bigint[])", PHONE, ids
    )
    return ids


async def send_all(dsn, connection, platform, **caps):
    """Run one worker until nothing waits."""
    for chunk in await connection.fetch("SELECT DISTINCT chunk_id FROM messages WHERE status = 'queued'"):
        await queue.enqueue(connection, [queue.WakeUp(chunk["chunk_id"])])
    capped = Rules("X", None, ZONE, 3, allow_paid=False, is_holiday=lambda *_: False, **caps)
    stop = asyncio.Event()
    worker = Worker(
        dsn,
        plan=WorkerPlan({"p": platform}, (Route("p"),), capped),
        settings=WorkerSettings(10_000),
    )
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(30):
        while await connection.fetchval(
            "SELECT count(*) FROM messages WHERE status IN ('queued', 'claimed', 'sending')"
        ):
            await asyncio.sleep(0.05)
        stop.set()
        await running


async def test_what_is_one_too_many_for_a_phone_is_dispensed_and_says_why(dsn, connection):
    ids = await add(connection, 3)
    [other] = await rows.add_messages(connection, 1, first_id=11)
    await connection.execute("UPDATE dispatches SET purpose = 'collection' WHERE $1 = ANY(invoice_ids)", 11)
    await send_all(dsn, connection, Taker(), max_per_phone_day=2)
    assert await rows.statuses(connection, [*ids, other]) == ["accepted", "accepted", "skipped", "accepted"]
    assert await connection.fetchval("SELECT reason FROM messages WHERE id = $1", ids[2]) == "too_often"
    again = await add(connection, 1, first_id=21)
    await send_all(dsn, connection, Taker(), max_per_phone_day=2)
    assert await rows.statuses(connection, again) == ["skipped"]


async def test_what_the_customer_asked_for_goes_and_does_not_count(dsn, connection):
    asked = await add(connection, 3, purpose="requested")
    await send_all(dsn, connection, Taker(), max_per_phone_day=1, max_per_phone_week=1)
    notice = await add(connection, 1, first_id=11)
    await send_all(dsn, connection, Taker(), max_per_phone_day=1, max_per_phone_week=1)
    assert await rows.statuses(connection, asked + notice) == ["accepted"] * 4


async def test_what_was_not_handed_over_does_not_count(dsn, connection):
    ids = await add(connection, 1)
    await send_all(dsn, connection, Taker(refuses_first=True), max_per_phone_day=1)
    assert await rows.statuses(connection, ids) == ["failed"]
    ids += await add(connection, 1, first_id=11)
    await send_all(dsn, connection, Taker(), max_per_phone_day=1)
    assert await rows.statuses(connection, ids) == ["failed", "accepted"]


async def test_all_that_is_on_its_way_or_may_have_arrived_counts(connection):
    had, asking = await add(connection, 2)
    await connection.execute(
        "INSERT INTO phone_turns (message_id, phone_key) VALUES ($1, hashtextextended($2, 0))", had, PHONE
    )
    counting = set()
    for status in Status:
        await connection.execute("UPDATE messages SET status = $2 WHERE id = $1", had, status)
        async with connection.transaction():
            caps = Caps(1, NOW - timedelta(hours=1), None, NOW)
            if not await phone_turns.take(connection, [(asking, PHONE)], caps):
                counting.add(status)
        await connection.execute("DELETE FROM phone_turns WHERE message_id = $1", asking)
    assert counting == set(Status) - NEVER_SENT - {Status.QUEUED, Status.HELD, Status.UNDELIVERED}


async def test_yesterdays_count_for_the_week_and_not_for_the_day(dsn, connection):
    await add(connection, 2)
    await send_all(dsn, connection, Taker(), max_per_phone_week=2)
    await connection.execute("UPDATE phone_turns SET at = at - interval '1 day'")
    today = await add(connection, 1, first_id=11)
    await send_all(dsn, connection, Taker(), max_per_phone_day=1, max_per_phone_week=3)
    late = await add(connection, 1, first_id=21)
    await send_all(dsn, connection, Taker(), max_per_phone_day=2, max_per_phone_week=3)
    assert await rows.statuses(connection, today + late) == ["accepted", "skipped"]
    statuses = []
    for days, first_id in ((5, 31), (1, 41)):  # the first two are six days old, and then seven
        await connection.execute("UPDATE phone_turns SET at = at - make_interval(days => $1)", days)
        later = await add(connection, 1, first_id=first_id)
        await send_all(dsn, connection, Taker(), max_per_phone_week=3)
        statuses += await rows.statuses(connection, later)
    assert statuses == ["skipped", "accepted"]


async def test_turns_of_a_clock_that_was_ahead_count_for_nothing(dsn, connection):
    await add(connection, 1)
    await send_all(dsn, connection, Taker(), max_per_phone_week=1)
    await connection.execute("UPDATE phone_turns SET at = at + interval '1 year'")
    later = await add(connection, 1, first_id=11)
    await send_all(dsn, connection, Taker(), max_per_phone_week=1)
    assert await rows.statuses(connection, later) == ["accepted"]


async def test_what_a_person_sends_again_goes(dsn, connection):
    first, second = await add(connection, 2)
    await connection.execute("UPDATE messages SET tries = 1, platform = 'p' WHERE id = $1", second)
    await send_all(dsn, connection, Taker(), max_per_phone_day=1)
    assert await rows.statuses(connection, [first, second]) == ["accepted", "accepted"]


async def test_what_waits_to_be_sent_again_may_have_arrived_and_counts(dsn, connection):
    [first] = await add(connection, 1)
    await send_all(dsn, connection, Taker(), max_per_phone_day=1)
    [other] = await add(connection, 1, first_id=11)
    caps = Caps(1, NOW - timedelta(hours=1), None, NOW)
    for waits in (Status.QUEUED, Status.HELD):
        await connection.execute("UPDATE messages SET status = $2 WHERE id = $1", first, waits)
        async with connection.transaction():
            assert await phone_turns.take(connection, [(other, PHONE)], caps) == set()


async def test_however_many_ask_at_once_a_phone_gets_no_more(dsn, connection):
    ids = await add(connection, 24)
    await connection.execute("UPDATE messages SET status = 'claimed'")
    caps = Caps(5, NOW - timedelta(hours=1), 5, NOW - timedelta(days=6))

    async def take(id_):
        own = await connect(dsn)
        try:
            async with own.transaction():
                return await phone_turns.take(own, [(id_, PHONE)], caps)
        finally:
            await own.close()

    granted = await asyncio.gather(*map(take, ids))
    assert sum(map(len, granted)) == 5
    [mine] = next(taken for taken in granted if taken)
    assert await take(mine) == {mine}  # its own turn stays its own
