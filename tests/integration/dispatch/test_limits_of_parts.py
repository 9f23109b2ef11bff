"""An SMSC counts submit_sm: what its account may send in a second is kept by long texts too."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from tests.contract.smsc import an_smsc, platform_of, refuse, take
from tests.support import rows
from tests.support.arrivals import largest_within

from disparo import queue
from disparo.dispatch.rules import Rules
from disparo.dispatch.worker import Worker, WorkerPlan, WorkerSettings
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.domain.routing import Route
from disparo.platforms.base import Capabilities

pytestmark = pytest.mark.anyio
TWO_PARTS = "{marca} {valor} {vencimento} " + "x" * 200
RULES = Rules("X", TWO_PARTS, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False)
SIX_PARTS = replace(RULES, template="{marca} {valor} {vencimento} " + "x" * 765, max_parts=6)


async def waiting(connection, messages, **how):
    ids = await rows.add_messages(connection, messages, **how)
    await queue.enqueue(connection, [queue.WakeUp(await rows.chunk_of(connection, ids[0]))])
    return ids


@asynccontextmanager
async def at_work(dsn, platform, rules=RULES):
    stop = asyncio.Event()
    worker = Worker(
        dsn, plan=WorkerPlan({"p": platform}, (Route("p"),), rules), settings=WorkerSettings(10_000)
    )
    async with asyncio.timeout(60):
        running = asyncio.create_task(worker.run(stop))
        yield
        stop.set()
        await running


async def used_of_the_day(connection):
    return await connection.fetchval("SELECT sum(used) FROM platform_day_use")


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

    ids = await waiting(connection, messages)
    async with an_smsc(answer=note) as smsc, at_work(dsn, platform_of(smsc, **able)):
        await smsc.until(lambda: len(at) == submitted, seconds=30)
    # Slots are 1.03 s of the limit together; a busy machine is late by some ms.
    assert largest_within(sorted(at), 0.95) <= able["per_second"]
    assert await rows.statuses(connection, ids) == ["accepted"] * messages
    # On a busy machine a start may miss its moment, and begins anew.
    written = "SELECT count(*) FROM attempts WHERE outcome IS DISTINCT FROM 'not_started'"
    assert await connection.fetchval(written) == messages


async def test_no_day_ends_among_the_parts_of_a_text(dsn, connection):
    ids = await waiting(connection, 3)
    async with (
        an_smsc() as smsc,
        at_work(dsn, platform_of(smsc, per_second=20, per_day=5, long_texts="parts")),
    ):
        await smsc.until(lambda: len(smsc.submitted) == 4)
        await asyncio.sleep(0.5)
    assert len(smsc.submitted) == 4
    assert sorted(await rows.statuses(connection, ids)) == ["accepted", "accepted", "queued"]
    assert await used_of_the_day(connection) == 4


async def test_a_text_of_more_parts_than_a_day_has_keeps_nobody_from_a_platform(dsn, connection):
    (too_long,) = await waiting(connection, 1)
    async with (
        an_smsc() as smsc,
        at_work(dsn, platform_of(smsc, per_second=50, per_day=2, long_texts="parts"), SIX_PARTS),
    ):
        async with asyncio.timeout(10):
            while await rows.statuses(connection, [too_long]) != ["failed"]:
                await asyncio.sleep(0.02)
        await connection.execute(
            "INSERT INTO templates (text, actor) VALUES ('{marca} {valor} {vencimento}', 'test')"
        )
        await waiting(connection, 2, first_id=2)
        await smsc.until(lambda: len(smsc.submitted) == 2)


async def test_a_worker_that_stops_sends_the_parts_of_what_it_began(dsn, connection):
    ids = await waiting(connection, 60)  # 40 seconds' worth: nobody stops so late
    async with an_smsc() as smsc, at_work(dsn, platform_of(smsc, per_second=3, long_texts="parts")):
        await smsc.until(lambda: len(smsc.submitted) >= 3)
    accepted = len(smsc.submitted) // 2
    assert len(smsc.submitted) == 2 * accepted < 120
    assert sorted(await rows.statuses(connection, ids)) == ["accepted"] * accepted + ["queued"] * (
        60 - accepted
    )


async def test_a_worker_that_stops_sends_the_parts_of_a_platform_that_was_removed(dsn, connection):
    ids = await waiting(connection, 1)
    stop = asyncio.Event()
    async with an_smsc() as smsc:
        platform = platform_of(smsc, per_second=0.7, long_texts="parts")
        plan = WorkerPlan({"p": platform}, (Route("p"),), SIX_PARTS)
        worker = Worker(dsn, plan=plan, settings=WorkerSettings(10_000))
        running = asyncio.create_task(worker.run(stop))
        await smsc.until(lambda: smsc.submitted)
        worker.use(WorkerPlan({}, (), SIX_PARTS))
        stop.set()
        await running
    assert len(smsc.submitted) == 6
    assert await rows.statuses(connection, ids) == ["accepted"]


#: Whoever takes slots finds that other workers have taken a second of those to come.
OTHERS = """CREATE FUNCTION take_more() RETURNS trigger LANGUAGE plpgsql AS
                $$BEGIN NEW.tat := NEW.tat + interval '1 s'; RETURN NEW; END$$;
            CREATE TRIGGER others BEFORE UPDATE ON platform_rates FOR EACH ROW
                WHEN (NEW.tat > OLD.tat) EXECUTE FUNCTION take_more()"""
TEN_PARTS = replace(SIX_PARTS, max_parts=10)  # of 85 characters


@pytest.mark.parametrize("is_removed", [False, True])
async def test_a_worker_that_stops_sends_the_parts_of_what_it_began_though_others_take_slots(
    dsn, connection, monkeypatch, is_removed
):
    """They take 9 s then, where slots for all of them, an answer and its record take 8.4 at most."""
    monkeypatch.setattr("disparo.dispatch.worker._RECORDED_WITHIN_S", 2.0)
    ids = await waiting(connection, 1)
    plan_of = partial(WorkerPlan, routes=(Route("p"),), rules=TEN_PARTS)
    stop = asyncio.Event()
    async with an_smsc() as smsc:
        platform = platform_of(smsc, per_second=2, long_texts="parts", timeout_s=2, segments={"part": 85})
        worker = Worker(dsn, plan=plan_of({"p": platform}), settings=WorkerSettings(10_000))
        running = asyncio.create_task(worker.run(stop))
        await smsc.until(lambda: smsc.submitted)
        await connection.execute(OTHERS)
        if is_removed:
            worker.use(WorkerPlan({}, (), TEN_PARTS))
        stop.set()
        await running
    assert await rows.statuses(connection, ids) == ["accepted"]
    assert len(smsc.submitted) == 10


async def test_a_single_call_waits_for_no_parts_of_a_bulk_run(dsn, connection):
    async def answer_later(smsc, writer, unit):
        written.append((time.time(), smsc.submitted[-1].destination.address))
        asyncio.get_running_loop().call_later(
            0.3, lambda: talks.append(asyncio.create_task(take(smsc, writer, unit)))
        )

    written, talks, chunk = [], [], -await connection.fetchval("SELECT nextval('chunks_id_seq')")
    await rows.add_messages(connection, 60, kind="bulk", chunk_id=chunk, first_id=100)
    await queue.enqueue(connection, [queue.WakeUp(chunk)])
    async with (
        an_smsc(answer=answer_later) as smsc,
        at_work(dsn, platform_of(smsc, per_second=10, long_texts="parts", binds=5), SIX_PARTS),
    ):
        await smsc.until(lambda: len(smsc.submitted) > 10)
        for number in range(1, 4):
            await waiting(connection, 1, first_id=number)
            await smsc.until(lambda to=f"55119{number:08}": to in [each for _, each in written])
    started = await connection.fetch(
        """SELECT m.e164, extract(epoch FROM a.started_at)::float8 AS at
           FROM attempts a JOIN messages m ON m.id = a.message_id WHERE m.chunk_id > 0"""
    )
    parts_before = [
        [to for at, to in written if at > single["at"]].index(single["e164"].lstrip("+"))
        for single in started
    ]
    # Behind all parts two of three wait for seven and more; a busy machine is late for one or the other.
    assert statistics.median(parts_before) <= 3


async def test_a_part_that_was_throttled_takes_another_slot_and_the_next_message_goes_on(dsn, connection):
    at = []

    async def throttle_second(smsc, writer, unit):
        at.append(time.monotonic())
        await (refuse(0x58) if len(at) == 2 else take)(smsc, writer, unit)

    ids = await waiting(connection, 2)
    async with (
        an_smsc(answer=throttle_second) as smsc,
        at_work(dsn, platform_of(smsc, per_second=2, long_texts="parts", timeout_s=5)),
    ):
        await smsc.until(lambda: len(at) == 5, seconds=20)
    assert await rows.statuses(connection, ids) == ["accepted", "accepted"]
    assert largest_within(at, 0.95) <= 2


async def test_parts_that_get_no_slot_for_long_do_not_go_hours_later(dsn, connection, monkeypatch):
    ids = await waiting(connection, 1)
    async with (
        an_smsc() as smsc,
        at_work(dsn, platform_of(smsc, per_second=1, long_texts="parts"), SIX_PARTS),
    ):
        monkeypatch.setattr("disparo.platforms.smpp.long_text._LATEST_S", -2.0)  # 2 s after the start
        await smsc.until(lambda: smsc.submitted)
        async with connection.transaction():  # as long as it is away
            await connection.execute("SELECT FROM platform_rates FOR UPDATE")
            await asyncio.sleep(3)
            begun = len(smsc.submitted)
        await waiting(connection, 1, first_id=2)
        await smsc.until(lambda: len({each.destination.address for each in smsc.submitted}) == 2)
        to = smsc.submitted[0].destination.address
        assert sum(each.destination.address == to for each in smsc.submitted) == begun < 6
    assert await rows.statuses(connection, ids) == ["uncertain"]
    last = "SELECT code FROM attempts WHERE message_id = $1 ORDER BY id DESC LIMIT 1"  # it may have missed a slot
    assert (await connection.fetchval(last, ids[0])).startswith("too_late, part ")


class Late:
    """Is called too late the first time, and takes what comes then."""

    name = "p"
    capabilities = Capabilities(per_day=50)

    def __init__(self):
        self.unknown_codes = {}
        self.calls = 0
        self.taken = asyncio.Event()

    def listen(self, hear):
        pass

    async def send(self, batch, _report=None):
        self.calls += 1
        if self.calls == 1:
            return [Outcome(OutcomeKind.NOT_STARTED)] * len(batch)
        self.taken.set()
        return [Outcome(OutcomeKind.ACCEPTED, platform_id=message.reference) for message in batch]

    async def close(self):
        pass


async def test_what_came_too_late_uses_nothing_of_the_day_up(dsn, connection):
    platform = Late()
    ids = await waiting(connection, 1)
    async with at_work(dsn, platform):
        await platform.taken.wait()
    assert await rows.statuses(connection, ids) == ["accepted"]
    assert (await used_of_the_day(connection), platform.calls) == (1, 2)
