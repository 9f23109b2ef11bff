"""Bulk runs are queued whole, once, by the same rules as single sends, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import product

import pytest
from tests.support import bulk, rows

from disparo.db import bulk_slices, invoices, opt_outs
from disparo.db.customers import ContactRow, CustomerRow, upsert_contacts, upsert_customers
from disparo.dispatch import bulk_control, bulk_queue
from disparo.dispatch.bulk import RunOrder, Selection, Which, select_due, store_run
from disparo.dispatch.bulk_queue import closed_at, queue_some, read_numbers
from disparo.dispatch.calendar import holiday_calendar
from disparo.dispatch.rules import opens_at
from disparo.domain.recipients import drop, list_candidates
from disparo.domain.windows import place_of

pytestmark = pytest.mark.anyio

PHONES = [
    None,
    "11987650001",
    "1187650001",  # the same number, registered without its ninth digit
    "11987650001;11987650002",
    "(21) 98765-0003",
    "1133334444",
    "0000000000",
    "não tem",
    "11999999999",
    "21987650004 / 21987650005",
]


async def add_mixed_register(connection, count):
    """Customers and contacts with every kind of phone, invoices in every state."""
    chance = random.Random(7)
    await upsert_customers(
        connection,
        [
            CustomerRow(
                id=number,
                name=f"CLIENTE {number}",
                uf=chance.choice(["SP", "RJ", None]),
                phone_1=chance.choice(PHONES),
                phone_1_allowed=chance.random() < 0.8,
                phone_2=chance.choice(PHONES),
                phone_2_allowed=chance.random() < 0.8,
            )
            for number in range(1, count + 1)
        ],
    )
    contacts = [
        ContactRow(
            id=number,
            customer_id=chance.randint(1, count),
            name=chance.choice(["", "ANA"]),
            phone=chance.choice(PHONES[1:]),
            sms_allowed=chance.random() < 0.7,
        )
        for number in range(1, count + 1)
    ]
    await upsert_contacts(connection, contacts)
    await connection.execute(
        """INSERT INTO invoices (id, customer_id, amount, due_date, status)
           SELECT i, i, 10, current_date - 5 + i % 10, (ARRAY['open', 'open', 'open', 'paid', 'cancelled'])[1 + i % 5]
           FROM generate_series(1, $1::int) i""",
        count,
    )
    await opt_outs.add(connection, "+5511987650002", reason="asked", actor="test")


async def expected_of(connection, ids):
    facts = await invoices.read_facts(connection, ids)
    sent, skipped = set(), Counter()
    for number in ids:
        if number not in facts:
            skipped["invoice_unknown"] += 1
            continue
        if facts[number].status != "open":
            skipped["invoice_" + facts[number].status] += 1
            continue
        found = drop(list_candidates(facts[number].register, []), opted_out=["+5511987650002"])
        skipped.update(str(item.reason) for item in found.ignored)
        if not found.recipients:
            skipped["nobody"] += 1
        for item in found.recipients:
            sent.add(
                (
                    number,
                    item.phone.e164,
                    item.phone.national,
                    str(item.origin),
                    item.contact_id,
                    item.customer_id,
                    item.name,
                )
            )
    return sent, {reason: count for reason, count in skipped.items() if count}


async def test_recipients_and_reasons_are_those_of_a_single_send(pool, connection):
    await add_mixed_register(connection, 300)
    ids = list(range(1, 311))
    dispatch_id = await bulk.store(pool, Selection(ids))
    await bulk.queue_all(pool)
    sent, skipped = await expected_of(connection, ids)
    stored = await connection.fetch(
        "SELECT invoice_id, e164, phone, origin, contact_id, customer_id, name FROM messages"
    )
    assert len(stored) == len(sent)
    assert {tuple(row) for row in stored} == sent
    run = await bulk.run_of(pool, dispatch_id)
    assert run["tallies"] == {"invoices": 310, "messages": len(sent), **skipped}
    assert run["counts"] == {"queued": len(sent)}
    assert (run["total"], run["is_queued"]) == (310, True)


async def test_changed_phones_are_read_again(pool, connection):
    await rows.add_invoices(connection, 2)
    await bulk.store(pool, Selection([1, 2]))
    await bulk.queue_all(pool)
    await connection.execute("UPDATE customers SET phone_1 = '21987654321' WHERE id = 1")
    await connection.execute("UPDATE customers SET phone_1_allowed = false WHERE id = 2")
    second = await bulk.store(pool, Selection([1, 2]))
    await bulk.queue_all(pool)
    found = await connection.fetch("SELECT invoice_id, e164 FROM messages WHERE dispatch_id = $1", second)
    assert [tuple(row) for row in found] == [(1, "+5521987654321")]


async def test_a_filter_takes_the_open_ones_due_in_its_days_both_inclusive(pool, connection):
    await rows.add_invoices(connection, 10)
    today = date.today()
    await connection.execute(
        "UPDATE invoices SET due_date = $1::date + id::int, status = CASE WHEN id = 4 THEN 'paid' ELSE 'open' END",
        today,
    )
    await bulk.store(pool, Selection(None, today + timedelta(days=2), today + timedelta(days=6)))
    await bulk.queue_all(pool)
    found = await connection.fetch("SELECT invoice_id FROM messages ORDER BY 1")
    assert [row["invoice_id"] for row in found] == [2, 3, 5, 6]


def test_overdue_or_not_is_a_matter_of_dates():
    today = date(2026, 11, 24)
    assert select_due(Which.OVERDUE, None, None, today=today) == Selection(None, None, date(2026, 11, 23))
    assert select_due(Which.NOT_YET_DUE, None, today, today=today) == Selection(None, today, today)
    assert select_due(Which.OVERDUE, today, None, today=today).is_empty


async def test_many_slices_by_many_queuers_store_each_once(pool, connection, monkeypatch):
    monkeypatch.setattr(bulk_slices, "SLICE", 50)
    monkeypatch.setattr("disparo.dispatch.bulk_queue.SLICE", 50)
    await rows.add_invoices(connection, 1030)
    dispatch_id = await bulk.store(pool)
    rounds = await asyncio.gather(*(bulk.queue_all(pool) for _ in range(4)))
    await bulk.queue_all(pool)
    assert sum(rounds) > 20
    run = await bulk.run_of(pool, dispatch_id)
    assert (run["total"], run["tallies"]["invoices"], run["counts"]) == (1030, 1030, {"queued": 1030})
    assert await connection.fetchval("SELECT count(DISTINCT (invoice_id, e164)) FROM messages") == 1030


QUEUE = """
import asyncio, sys
from disparo import failpoints
from disparo.db import bulk_slices
from disparo.db.pool import open_pool
from disparo.dispatch import bulk_queue
from tests.support import bulk
bulk_slices.SLICE = bulk_queue.SLICE = 50
async def main():
    async with open_pool(sys.argv[1], size=2) as pool:
        await bulk_queue.read_numbers(pool)
        failpoints.arm(sys.argv[2])
        await bulk.queue_all(pool)
asyncio.run(main())
"""


async def test_what_a_killed_process_left_is_gone_on_with(pool, connection, dsn):
    await rows.add_invoices(connection, 400)
    dispatch_id = await bulk.store(pool)
    for point in ("before_slice:kill:2", "after_slice:kill:2", "after_slice:kill:1"):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", QUEUE, dsn, point)
        assert await asyncio.wait_for(process.wait(), 30) == -9
    assert 0 < await connection.fetchval("SELECT count(*) FROM messages") < 400
    await bulk.queue_all(pool)
    run = await bulk.run_of(pool, dispatch_id)
    assert (run["tallies"]["invoices"], run["counts"]) == (400, {"queued": 400})
    assert await connection.fetchval("SELECT count(DISTINCT (invoice_id, e164)) FROM messages") == 400


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(bulk_slices, "SLICE", 50)
    monkeypatch.setattr("disparo.dispatch.bulk_queue.SLICE", 50)


@pytest.mark.usefixtures("small_slices")
async def test_an_invoice_whose_due_date_moves_ahead_meanwhile_is_queued_once(pool, connection):
    await rows.add_invoices(connection, 500)
    dispatch_id = await bulk.store(pool)
    while not await connection.fetchval("SELECT count(*) FROM messages WHERE invoice_id = 1"):
        await queue_some(pool, bulk.RULES)
    await connection.execute("UPDATE invoices SET due_date = due_date + 300 WHERE id = 1")
    await bulk.queue_all(pool)
    run = await bulk.run_of(pool, dispatch_id)
    assert (run["total"], run["tallies"]["invoices"], run["counts"]) == (500, 500, {"queued": 500})
    assert run["carved_at"] is not None


@pytest.mark.usefixtures("small_slices")
async def test_a_slice_that_the_database_refuses_holds_up_no_other_run(pool, connection):
    await rows.add_invoices(connection, 300)
    bad, good = [await bulk.store(pool) for _ in range(2)]
    await connection.execute(
        f"ALTER TABLE messages ADD CONSTRAINT refused CHECK (dispatch_id <> '{bad}'::uuid) NOT VALID"
    )
    for _ in range(60):
        await queue_some(pool, bulk.RULES)
    assert (await bulk.run_of(pool, good))["counts"] == {"queued": 300}
    assert (await bulk.run_of(pool, bad))["counts"] == {}
    await connection.execute("ALTER TABLE messages DROP CONSTRAINT refused")
    await bulk.queue_all(pool)
    assert (await bulk.run_of(pool, bad))["counts"] == {"queued": 300}


async def test_each_message_is_due_when_its_place_and_purpose_open(pool, connection, monkeypatch):
    await rows.add_invoices(connection, 3)
    await connection.execute("UPDATE customers SET uf = 'RJ' WHERE id = 2")
    await connection.execute("UPDATE invoices SET due_date = current_date - 30 WHERE id <= 2")
    today = bulk.now().astimezone(bulk.ZONE).date()
    saturday = today + timedelta(days=12 - today.weekday())  # of next week
    opens = closed_at(datetime.combine(saturday, time(10), bulk.ZONE), bulk.RULES)
    monkeypatch.setattr("disparo.dispatch.bulk_queue.closed_at", lambda *_: opens)
    await bulk.store(pool)
    await bulk.queue_all(pool)
    found = dict(
        await connection.fetch(
            "SELECT invoice_id, (due_at AT TIME ZONE 'America/Sao_Paulo')::text FROM messages"
        )
    )
    monday = saturday + timedelta(days=2)
    assert found[2] == f"{monday} 09:00:00"  # RJ asks for no debt on a Saturday
    assert found[1][:10] == found[3][:10] == today.isoformat()
    assert await connection.fetchval("SELECT count(DISTINCT chunk_id) FROM messages") == 2
    assert await connection.fetchval("SELECT count(*) FROM bulk_chunks WHERE due_at > now()") == 1


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 11, 27, 20, 30),  # a Friday
        datetime(2026, 11, 28, 16, 0),
        datetime(2026, 12, 31, 22, 30),  # the year after is asked for
        datetime(2026, 4, 22, 19, 30),  # before Saint George, of Rio alone
    ],
)
async def test_whatever_is_closed_each_message_is_due_when_the_last_look_will_let_it_go(
    pool, connection, monkeypatch, at
):
    """A notice that is overdue by the time it could go waits until a debt may be asked for."""
    at = at.replace(tzinfo=bulk.ZONE)
    rules = replace(bulk.RULES, is_holiday=holiday_calendar())
    places = [
        ("RJ", "21"),
        ("SP", "11"),
        ("SP", "21"),
        ("AC", "68"),
        ("AM", "97"),
        (None, "92"),
        ("PE", "81"),
    ]
    cases = [
        (number, place, at.date() + timedelta(days=days))
        for number, (place, days) in enumerate(product(places, range(-1, 5)), 1)
    ]
    await rows.add_invoices(connection, len(cases))
    for number, (uf, ddd), due_date in cases:
        await connection.execute(
            "UPDATE customers SET uf = $2, phone_1 = overlay(phone_1 PLACING $3 FROM 1) WHERE id = $1",
            number,
            uf,
            ddd,
        )
        await connection.execute("UPDATE invoices SET due_date = $2 WHERE id = $1", number, due_date)
    closed = closed_at(at, rules)
    monkeypatch.setattr("disparo.dispatch.bulk_queue.closed_at", lambda *_: closed)
    await bulk.store(pool)
    await bulk.queue_all(pool, rules)
    found = dict(await connection.fetch("SELECT invoice_id, nullif(due_at, created_at) FROM messages"))
    expected = {
        number: opens_at(
            at,
            "by_due_date",
            due_date=due_date,
            place=place_of(*place, default=bulk.ZONE),
            zone=bulk.ZONE,
            is_holiday=rules.is_holiday,
        )
        for number, place, due_date in cases
    }
    assert found == {number: None if opens == at else opens for number, opens in expected.items()}


def test_at_noon_of_a_working_day_nothing_is_closed_and_on_a_holiday_everything():
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=bulk.ZONE)
    assert closed_at(noon, bulk.RULES).ufs == ()
    rules = replace(bulk.RULES, is_holiday=lambda day, _uf: day == noon.date())
    found = closed_at(noon, rules)
    assert len(found.ufs) == 2 * 28 * 67
    assert min(found.opens_at) > noon


async def test_a_run_in_a_month_of_holidays_is_stored_and_queued_and_waits(pool, connection):
    await rows.add_invoices(connection, 3)
    shut = {"is_holiday": lambda _day, _uf: True}
    async with pool.acquire() as one, one.transaction():
        await store_run(one, RunOrder(Selection(), "test"), replace(bulk.SETTINGS, **shut))
    assert await bulk.queue_all(pool, replace(bulk.RULES, **shut))
    soonest = await connection.fetchval("SELECT min(due_at) - now() FROM messages WHERE status = 'queued'")
    assert soonest > timedelta(days=29)


async def test_counts_and_events_of_bulk_messages(pool, connection):
    """A bulk message's row itself is its first event."""
    await rows.add_invoices(connection, 2)
    await bulk.store(pool)
    await bulk.queue_all(pool)
    assert await connection.fetchval("SELECT count(*) FROM message_events") == 0
    counts = await connection.fetch("SELECT status, delta FROM dispatch_counts")
    assert [tuple(row) for row in counts] == [("queued", 2)]


async def test_only_the_others_are_told_apart_by_invoice_and_phone(pool, connection):
    """Of the phones of an invoice those that had it within a day are left out; what failed was not had."""
    ids = await rows.add_messages(connection, 4, first_id=1)
    await connection.execute("UPDATE customers SET phone_2 = '2198765' || lpad(id::text, 4, '0')")
    await connection.execute("UPDATE messages SET status = 'delivered' WHERE id = $1", ids[0])
    await connection.execute("UPDATE messages SET status = 'undelivered' WHERE id = $1", ids[1])
    await connection.execute(
        "UPDATE messages SET status = 'sent', created_at = now() - interval '25 h' WHERE id = $1", ids[2]
    )
    run = await bulk.store(pool, only_others=True)
    await bulk.queue_all(pool)
    sent = await connection.fetch(
        "SELECT invoice_id, left(phone, 2) FROM messages WHERE dispatch_id = $1", run
    )
    both = {(invoice, ddd) for invoice in (2, 3) for ddd in ("11", "21")}
    assert set(map(tuple, sent)) == {(1, "21"), (4, "21"), *both}
    tallies = (await bulk.run_of(pool, run))["tallies"]
    assert (tallies["messages"], tallies["repeated"], "nobody" in tallies) == (6, 2, False)
    whole = await bulk.store(pool)
    await bulk.queue_all(pool)
    assert await connection.fetchval("SELECT count(*) FROM messages WHERE dispatch_id = $1", whole) == 8


async def test_of_two_runs_to_the_others_at_once_the_second_sees_what_the_first_queued(pool, connection):
    await rows.add_invoices(connection, 300)
    await read_numbers(pool)
    runs = [await bulk.store(pool, only_others=True) for _ in range(2)]
    for _ in runs:
        async with pool.acquire() as mine, mine.transaction():
            assert await bulk_queue._carve(mine)
    assert all(await asyncio.gather(*(queue_some(pool, bulk.RULES) for _ in runs)))
    assert await connection.fetchval("SELECT count(*) FROM messages") == 300


async def test_what_went_to_the_others_while_a_run_was_being_listed_goes_by_that_run_no_more(
    pool, connection
):
    """Paused half listed, its rest was for the others; resumed, it sent to them once more."""
    await rows.add_invoices(connection, 3)
    first = await bulk.store(pool, Selection([1, 2]))
    await bulk_control.pause_run(pool, first, actor="test")
    others = await bulk.store(pool, only_others=True)
    await bulk.queue_all(pool)
    await connection.execute("UPDATE messages SET status = 'failed' WHERE invoice_id = 2")
    await bulk_control.resume_run(pool, first, actor="test")
    await bulk.queue_all(pool)
    stored = await connection.fetch("SELECT dispatch_id, invoice_id FROM messages ORDER BY id")
    assert [tuple(row) for row in stored] == [(others, 1), (others, 2), (others, 3), (first, 2)]
    tallies = (await bulk.run_of(pool, first))["tallies"]
    assert tallies == {"invoices": 2, "messages": 1, "repeated": 1}
