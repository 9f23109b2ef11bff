"""The last look before a start is not of long ago (docs/delivery.md §5): who paid or opted out gets nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.contract.smsc import an_smsc, platform_of
from tests.support import rows
from tests.support.locks import until_somebody_waits

from disparo import queue
from disparo.db import messages
from disparo.db.messages import Move
from disparo.dispatch import line, starts
from disparo.dispatch.rules import Drop, Rules, objection, rendered
from disparo.dispatch.worker import Worker, WorkerPlan, WorkerSettings
from disparo.domain.message import Event
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.domain.routing import Route
from disparo.domain.sms_text import SegmentProfile
from disparo.platforms.base import Capabilities

pytestmark = pytest.mark.anyio

PAY = "UPDATE invoices SET status = 'paid'"
RULES = Rules("X", None, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False)
OPT_OUT = "INSERT INTO opt_outs (e164, reason, actor) SELECT e164, 'inbound', 'test' FROM messages"


class Slow:
    """Takes two a second, by its limit or because it is no faster."""

    name = "p"
    link = None

    def __init__(self, **able):
        self.unknown_codes = {}
        self.capabilities = Capabilities(**able)
        self.sent = []

    def listen(self, hear):
        pass

    async def send(self, batch, _report=None):
        self.sent += [message.e164 for message in batch]
        await asyncio.sleep(0.5)
        return [Outcome(OutcomeKind.ACCEPTED, platform_id=message.reference) for message in batch]

    async def close(self):
        pass


async def test_a_contact_is_not_sent_the_invoice_of_another_customer(connection):
    [id_] = await rows.add_messages(connection)
    await rows.add_invoices(connection, first_id=2)
    await connection.execute(
        "INSERT INTO contacts (id, customer_id, name, phone, sms_allowed) "
        "SELECT 9, 1, 'BIA', phone_1, true FROM customers WHERE id = 1"
    )
    await connection.execute("UPDATE messages SET origin = 'contact', contact_id = 9")
    [facts] = await messages.claimed_facts(connection, [id_])
    assert objection(facts, RULES) is None
    await connection.execute("UPDATE invoices SET customer_id = 2 WHERE id = 1")
    [facts] = await messages.claimed_facts(connection, [id_])
    assert objection(facts, RULES) == Drop(Event.SKIP, "number_gone")


async def test_a_number_that_came_with_the_call_is_not_sent_the_invoice_of_another_customer(connection):
    [id_] = await rows.add_messages(connection)
    await rows.add_invoices(connection, first_id=2)
    await connection.execute(
        "UPDATE messages SET origin = 'extra', phone = '37988887777', e164 = '+5537988887777'"
    )
    [facts] = await messages.claimed_facts(connection, [id_])
    assert objection(facts, RULES) is None
    await connection.execute("UPDATE invoices SET customer_id = 2 WHERE id = 1")
    [facts] = await messages.claimed_facts(connection, [id_])
    assert objection(facts, RULES) == Drop(Event.SKIP, "invoice_moved")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ("phone_1_allowed = false", "permission_withdrawn"),
        ("phone_1_allowed = false, phone_2 = phone_1, phone_2_allowed = false", "permission_withdrawn"),
        ("phone_1_allowed = false, phone_2 = phone_1, phone_2_allowed = true", None),
        ("phone_1 = '37988887777'", "number_gone"),
        ("phone_1 = NULL", "number_gone"),
    ],
)
async def test_a_number_must_still_be_the_customers_and_permitted(connection, changed, reason):
    [id_] = await rows.add_messages(connection)
    await connection.execute(f"UPDATE customers SET {changed} WHERE id = 1")
    [facts] = await messages.claimed_facts(connection, [id_])
    assert objection(facts, RULES) == (reason and Drop(Event.SKIP, reason))


async def test_what_fits_no_sms_fails(connection):
    [id_] = await rows.add_messages(connection)
    await connection.execute("UPDATE invoices SET link = 'https://' || repeat('a', 700)")
    [facts] = await messages.claimed_facts(connection, [id_])
    assert rendered(facts, RULES, SegmentProfile()) == Drop(Event.FAIL, "does_not_fit")


async def test_what_waited_too_long_expires(connection):
    [id_] = await rows.add_messages(connection, timeout_s=60)
    await connection.execute("UPDATE messages SET wait_since = now() - interval '1 hour'")
    [facts] = await messages.claimed_facts(connection, [id_])
    assert objection(facts, RULES) == Drop(Event.EXPIRE, "timeout")


@pytest.mark.parametrize(
    ("before", "event", "first_time"),
    [
        ("claimed", Event.SKIP, "skipped"),
        ("claimed", Event.FAIL, "failed"),
        ("claimed", Event.EXPIRE, "failed"),
        ("queued", Event.CANCEL, "cancelled"),
        ("held", Event.CANCEL, "cancelled"),
    ],
)
async def test_what_may_have_left_never_ends_as_if_it_had_not(connection, before, event, first_time):
    ids = await rows.add_messages(connection, 2)
    await connection.execute("UPDATE messages SET status = $1", before)
    await connection.execute("UPDATE messages SET tries = 1 WHERE id = $1", ids[1])
    await messages.apply_events(connection, [Move(id_, event, "x") for id_ in ids], actor="test")
    assert await rows.statuses(connection, ids) == [first_time, "uncertain"]


@pytest.mark.parametrize(
    ("able", "change"),
    [({"per_second": 2.0}, PAY), ({"per_second": 2.0}, OPT_OUT), ({"shared_window": 1}, PAY)],
)
async def test_who_paid_or_opted_out_while_in_line_gets_nothing(dsn, connection, monkeypatch, able, change):
    monkeypatch.setattr(line, "_LOOK_HOLDS_S", 1.5)
    platform = Slow(**able)
    ids = await rows.add_messages(connection, 40)
    await queue.enqueue(connection, [queue.WakeUp(await rows.chunk_of(connection, ids[0]))])
    stop = asyncio.Event()
    worker = Worker(
        dsn, plan=WorkerPlan({"p": platform}, (Route("p"),), RULES), settings=WorkerSettings(10_000)
    )
    running = asyncio.create_task(worker.run(stop))
    async with asyncio.timeout(40):
        while not platform.sent:
            await asyncio.sleep(0.02)
        await connection.execute(change)
        before = len(platform.sent)
        while await connection.fetchval(
            "SELECT count(*) FROM messages WHERE status = 'queued' OR status = 'claimed'"
        ):
            await asyncio.sleep(0.1)
        stop.set()
        await running
    assert len(platform.sent) - before <= 7


async def test_a_start_that_waited_for_the_database_goes_by_no_look_of_before(dsn, connection, monkeypatch):
    """As after a machine's sleep: the worker starts what is in line at once, before it sees how old it is."""
    monkeypatch.setattr(starts, "ON_ITS_WAY", timedelta(seconds=1))
    ids = await rows.add_messages(connection, 3)
    await queue.enqueue(connection, [queue.WakeUp(await rows.chunk_of(connection, ids[0]))])
    stop = asyncio.Event()
    async with an_smsc() as smsc:
        plan = WorkerPlan({"p": platform_of(smsc)}, (Route("p"),), RULES)
        worker = Worker(dsn, plan=plan, settings=WorkerSettings(10_000))
        async with connection.transaction():
            await connection.execute("LOCK TABLE attempts IN SHARE MODE")  # a start waits
            running = asyncio.create_task(worker.run(stop))
            async with asyncio.timeout(20):
                while await rows.statuses(connection, ids) != ["claimed"] * 3:
                    await asyncio.sleep(0.05)
            await until_somebody_waits(connection)  # all were looked at
            await connection.execute(f"{PAY} WHERE id = 2")
            await asyncio.sleep(1.2)
        async with asyncio.timeout(40):
            while await rows.statuses(connection, ids) != ["accepted", "skipped", "accepted"]:
                await asyncio.sleep(0.05)
        stop.set()
        await running
    assert len(smsc.submitted) == 2
    # What goes after that may be late once more, on a busy machine.
    late = "SELECT count(DISTINCT message_id) FROM attempts WHERE outcome = 'not_started'"
    assert await connection.fetchval(late) == 3
    assert await connection.fetchval("SELECT max(tries) FROM messages") == 1
