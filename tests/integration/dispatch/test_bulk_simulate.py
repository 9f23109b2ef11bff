"""What a run would come to: by the texts that would go out, in memory that does not grow with the invoices."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.support import bulk, rows

from disparo.cli.bulk_words import print_simulation
from disparo.db import bulk_looks, dispatches, invoices, opt_outs, templates
from disparo.db.bulk_slices import Closed
from disparo.dispatch import bulk_caps, bulk_simulate
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_estimate import Duration, FirstLine, Offer
from disparo.dispatch.bulk_queue import closed_at, read_numbers
from disparo.dispatch.bulk_simulate import simulate_run, who_is_left_out
from disparo.domain.sms_text import SegmentProfile
from disparo.domain.template import InvoiceText, render
from disparo.wording.words import CAPS_NOT_KNOWN

pytestmark = pytest.mark.anyio

NEVER = Closed((), (), (), (), ())
OFFERS = [Offer("p", SegmentProfile(), 1)]


async def segments(pool):
    found = await simulate_run(pool, Selection(), OFFERS, bulk.RULES)
    return found.estimates[0].segments


async def test_it_counts_by_the_template_that_was_written_in_the_panel(pool, connection):
    await rows.add_invoices(connection, 20)
    assert await segments(pool) == 20
    await templates.write(connection, "{marca}: {valor}, {vencimento}. " + "Aviso. " * 25, actor="test")
    assert await segments(pool) == 40


async def test_texts_of_one_length_are_one_group_whatever_they_say(pool, connection):
    await rows.add_invoices(connection, 300)
    await connection.execute(
        """UPDATE invoices SET pix = '00020126' || lpad((id * 7919)::text, 20, '0') || '5920PROVEDOR TELECOM LTDA6009SAO PAULO',
                  link = 'https://boletos.example.com/' || lpad((id * 104729)::text, 12, '0')"""
    )
    await connection.execute("UPDATE customers SET name = 'JOSÉ DA SILVA ' || id")
    await read_numbers(pool)
    async with pool.acquire() as at, at.transaction():
        ids = [row["id"] for row in await at.fetch("SELECT id FROM invoices")]
        look = {"allowed": [], "today": bulk.now().date(), "closed": NEVER}
        found = await bulk_looks.simulate_slice(at, ids, **look)
    shapes = [row for row in found if row["what"] == "shape"]
    assert sum(row["count"] for row in shapes) == 300
    assert len(shapes) < 10


async def test_where_limits_count_parts_it_takes_as_many_times_longer(pool, connection):
    await rows.add_invoices(connection, 20)
    await templates.write(connection, "{marca}: {valor}, {vencimento}. " + "Aviso. " * 25, actor="test")
    offers = [
        Offer("calls", SegmentProfile(), 1, per_second=2.0),
        Offer("parts", SegmentProfile(), 1, per_second=2.0, limits_count_parts=True),
    ]
    found = await simulate_run(pool, Selection(), offers, bulk.RULES)
    assert [estimate.duration_s for estimate in found.estimates] == [10.0, 20.0]
    assert found.duration.whole_s == pytest.approx(20 / 3)


async def two_area_codes(connection):
    """Six recipients in São Paulo and two in Porto Alegre, of whom one invoice is for both; one in Manaus."""
    await rows.add_invoices(connection, 8)
    await connection.execute("UPDATE customers SET phone_1 = '5198888000' || id WHERE id = 7")
    await connection.execute("UPDATE customers SET phone_1 = '9298888000' || id WHERE id = 8")
    await connection.execute("UPDATE customers SET phone_2 = '51988880001' WHERE id = 1")


def offer(name, order, *ddds, **limits):
    return Offer(name, SegmentProfile(), order, ddds=frozenset(ddds), **limits)


async def test_a_platform_is_counted_for_the_area_codes_it_serves_alone(pool, connection):
    await two_area_codes(connection)
    price = Decimal("0.10")
    offers = [
        offer("south", 1, "51", cost_per_segment=price, per_second=1.0),
        offer("north", 2, "11", "51", cost_per_segment=2 * price, per_second=2.0),
    ]
    found = await simulate_run(pool, Selection(), offers, bulk.RULES)
    assert [(each.recipients, each.segments, each.cost) for each in found.estimates] == [
        (2, 2, 2 * price),
        (8, 8, 16 * price),
    ]
    assert (found.recipients, found.out_of_reach) == (9, 1)
    assert found.first == FirstLine(8, 0, 2 * price + 6 * 2 * price)
    # The north's six by two a second; the south's two took two seconds.
    assert found.duration == Duration(0, 3.0)
    assert list(found.examples) == sorted(found.examples)


async def test_what_goes_by_one_platform_alone_is_not_helped_by_the_others(pool, connection):
    await two_area_codes(connection)
    offers = [offer("all", 1, per_second=1.0), offer("south", 1, "51", per_second=100.0)]
    found = await simulate_run(pool, Selection(), offers, bulk.RULES)
    assert (found.duration, found.out_of_reach) == ((0, 7.0), 0)


async def test_the_whole_is_counted_by_the_platform_that_is_used_first(pool, connection):
    await rows.add_invoices(connection, 2)
    stands_in = offer("a", 5, cost_per_segment=Decimal(7))
    found = await simulate_run(
        pool, Selection(), [stands_in, offer("b", 1, cost_per_segment=Decimal(1))], bulk.RULES
    )
    assert found.first == FirstLine(2, 0, Decimal(2))
    found = await simulate_run(pool, Selection(), [stands_in, offer("b", 1)], bulk.RULES)
    assert found.first == FirstLine(2, 0, None)
    found = await simulate_run(pool, Selection(), [], bulk.RULES)
    assert (found.first, found.out_of_reach) == (None, found.recipients)


async def test_who_was_sent_the_invoice_within_a_day_is_counted(pool, connection):
    went, came_back, long_ago, elsewhere = await rows.add_messages(connection, 4, first_id=1)
    await rows.add_invoices(connection, 2, first_id=5)
    assert (await simulate_run(pool, Selection(), OFFERS, bulk.RULES)).recent == 4
    await connection.execute("UPDATE messages SET status = 'undelivered' WHERE id = $1", came_back)
    await connection.execute(
        "UPDATE messages SET status = 'sent', created_at = now() - interval '25 h' WHERE id = $1", long_ago
    )
    await connection.execute("UPDATE messages SET e164 = '+5511911112222' WHERE id = $1", elsewhere)
    await connection.execute("UPDATE messages SET status = 'delivered' WHERE id = $1", went)
    found = await simulate_run(pool, Selection(), OFFERS, bulk.RULES)
    assert found.recent == 1
    assert found.recipients == 6
    assert found.skipped == {}


async def test_what_was_stored_before_a_weekend_and_waits_or_has_just_gone_is_counted(pool, connection):
    """Friday evening's list goes on Monday: a colleague's would have gone beside it, and nobody was warned."""
    waits, has_gone, went_then = await rows.add_messages(connection, 3)
    await connection.execute("UPDATE messages SET created_at = now() - interval '3 days'")
    await connection.execute("UPDATE messages SET due_at = now() + interval '1 h' WHERE id = $1", waits)
    await connection.execute(
        """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id, started_at)
                      VALUES ($1, 'p', gen_random_uuid(), now() - interval '1 h'),
                             ($2, 'p', gen_random_uuid(), now() - interval '3 days') RETURNING id, message_id)
           UPDATE messages m SET status = 'delivered', attempt_id = a.id FROM a WHERE a.message_id = m.id""",
        has_gone,
        went_then,
    )
    assert (await simulate_run(pool, Selection(), OFFERS, bulk.RULES)).recent == 2
    for invoice_id, had in [(1, 1), (2, 1), (3, 0)]:
        async with connection.transaction():
            assert len(await dispatches.had_today(connection, invoice_id)) == had
    run = await bulk.store(pool, only_others=True)
    await bulk.queue_all(pool)
    sent = await connection.fetch("SELECT invoice_id FROM messages WHERE dispatch_id = $1", run)
    assert [row["invoice_id"] for row in sent] == [3]


NAMES = [
    ("DR. ANA LIMA", "DR. MAXIMILIANO LIMA"),
    (" EVA LIMA", " MAXIMILIANO LIMA"),
    ("ESPOLIO DE ANA", "RICARDO DE ANA"),
    ("SRA.ANA", "SRA.ANTONIETA"),
    ("DR", "D.R"),
]


@pytest.mark.parametrize("names", NAMES)
async def test_names_are_told_apart_by_what_the_text_calls_the_customer(pool, connection, names):
    """All doctors were counted with the name of one of them: up to a third of what a run costs was missing."""
    await rows.add_invoices(connection, 2)
    await connection.executemany("UPDATE customers SET name = $2 WHERE id = $1", enumerate(names, 1))
    today = bulk.now().astimezone(bulk.ZONE).date()
    for pad in range(110, 140, 3):
        template = "{primeiro_nome} {valor}, {vencimento}. " + "x" * pad
        await templates.write(connection, template, actor="test")
        facts = await invoices.read_texts(connection, [1, 2])
        texts = [InvoiceText.of(row, brand="ISP", is_overdue=row["due_date"] < today) for row in facts]
        counted = [render(text, SegmentProfile(), template=template).segments for text in texts]
        assert await segments(pool) == sum(counted)


async def test_codes_are_told_apart_by_the_signs_that_make_their_length(pool, connection):
    """Blanks, and signs that count twice or make a text of another alphabet, wherever they stand."""
    ends = ["", " ", "a b", " ab", "ab ", "~b", "~~", "\u00e7b", "a_b", "a  b", "*[b"]
    await rows.add_invoices(connection, 2 * len(ends))
    await connection.executemany(
        "UPDATE invoices SET link = $2, linha_digitavel = $3, pix = $4 WHERE id = $1",
        [
            (at, f"https://e.example.com/{end}", f"0019{at % 3}.5 {end}", f"0002 {end}BR 59{end}")
            for at, end in enumerate([*ends, *reversed(ends)], 1)
        ],
    )
    today = bulk.now().astimezone(bulk.ZONE).date()
    facts = await invoices.read_texts(connection, range(1, 2 * len(ends) + 1))
    profile = SegmentProfile(max_parts=20)
    for pad in range(60, 150, 10):
        template = "{link} {linha_digitavel} {pix} {valor} {vencimento} " + "x" * pad
        await templates.write(connection, template, actor="test")
        texts = [InvoiceText.of(row, brand="ISP", is_overdue=row["due_date"] < today) for row in facts]
        counted = [render(text, profile, template=template).segments for text in texts]
        found = await simulate_run(
            pool, Selection(), [Offer("p", profile, 1)], replace(bulk.RULES, max_parts=20)
        )
        assert (found.estimates[0].segments, found.estimates[0].too_long) == (sum(counted), 0)


async def test_a_slice_is_looked_at_while_the_one_before_it_is(pool, connection, monkeypatch):
    """One after the other a million took longer than a proxy waits for an answer."""
    await rows.add_invoices(connection, 9)
    alone = await simulate_run(pool, Selection(), OFFERS, bulk.RULES)
    look, begun, second = bulk_looks.simulate_slice, [], asyncio.Event()

    async def watched(*args, **more):
        begun.append(list(more["ids"]))
        if len(begun) > 1:
            second.set()
        await asyncio.wait_for(second.wait(), 30)
        return await look(*args, **more)

    monkeypatch.setattr(bulk_looks, "simulate_slice", watched)
    monkeypatch.setattr(bulk_simulate, "SLICE", 2)
    found = await simulate_run(pool, Selection(), OFFERS, bulk.RULES)
    assert sorted(begun) == [[1, 2], [3, 4], [5, 6], [7, 8], [9]]
    assert (found.invoices, found.recipients, found.estimates) == (9, 9, alone.estimates)


async def test_a_simulation_whose_database_fails_says_so_and_leaves_nothing_under_way(
    pool, connection, monkeypatch
):
    await rows.add_invoices(connection, 6)
    look = bulk_looks.simulate_slice

    async def fails_at_the_second(*args, **more):
        if list(more["ids"]) == [3, 4]:
            raise ConnectionResetError
        return await look(*args, **more)

    monkeypatch.setattr(bulk_looks, "simulate_slice", fails_at_the_second)
    monkeypatch.setattr(bulk_simulate, "SLICE", 2)
    with pytest.raises(ConnectionResetError):
        await simulate_run(pool, Selection(), OFFERS, bulk.RULES)
    assert not any("_when_read" in repr(task) for task in asyncio.all_tasks())


async def test_everybody_who_is_counted_as_left_out_is_named(pool, connection):
    ids = await rows.add_invoices(connection, 8)
    await connection.execute("UPDATE invoices SET status = 'paid' WHERE id = 1")
    await connection.execute("UPDATE invoices SET status = 'cancelled' WHERE id = 2")
    await connection.execute("UPDATE customers SET phone_1 = NULL WHERE id = 3")
    await connection.execute("UPDATE customers SET phone_1_allowed = false WHERE id = 4")
    await connection.execute("UPDATE customers SET phone_2 = '1133334444', phone_3 = '123' WHERE id = 5")
    await connection.execute("UPDATE customers SET phone_2 = '11977770006' WHERE id = 6")
    await opt_outs.add(connection, "+5511977770006", reason="asked", actor="test")
    selection = Selection([*ids, 999])
    found = await simulate_run(pool, selection, OFFERS, bulk.RULES)
    named = [tuple(row) async for row in who_is_left_out(pool, selection, bulk.RULES)]
    assert Counter(reason for reason, *_ in named) == found.skipped
    assert named == [
        ("invoice_paid", 1, 1, "CLIENTE 1", None),
        ("invoice_cancelled", 2, 2, "CLIENTE 2", None),
        ("nobody", 3, 3, "CLIENTE 3", None),
        ("nobody", 4, 4, "CLIENTE 4", None),
        ("no_permission", 4, 4, "CLIENTE 4", "11900000004"),
        ("landline", 5, 5, "CLIENTE 5", "1133334444"),
        ("invalid", 5, 5, "CLIENTE 5", "123"),
        ("opted_out", 6, 6, "CLIENTE 6", "11977770006"),
        ("invoice_unknown", 999, None, None, None),
    ]


CAPPED = replace(bulk.RULES, max_per_phone_day=2, max_per_phone_week=3)


async def one_phone(connection, count, *, first_id=1):
    """As many invoices of as many customers, all with one phone, which is open at any hour (a notice)."""
    ids = await rows.add_invoices(connection, count, first_id=first_id)
    await connection.execute("UPDATE customers SET phone_1 = '11988880001'")
    return ids


async def had(connection, count, *, first_id, status="delivered", turn="0 days", purpose="notice"):
    """Messages to that phone, of other invoices, some with the turn they took so long ago."""
    ids = await rows.add_messages(connection, count, first_id=first_id)
    await connection.execute("UPDATE invoices SET status = 'paid' WHERE id >= $1", first_id)
    await connection.execute("UPDATE dispatches SET purpose = $1", purpose)
    await connection.execute(
        "UPDATE messages SET e164 = '+5511988880001', status = $2 WHERE id = ANY($1::bigint[])", ids, status
    )
    if turn:
        await connection.execute(
            """INSERT INTO phone_turns (message_id, phone_key, at)
               SELECT id, hashtextextended('+5511988880001', 0), now() - $2::text::interval
               FROM unnest($1::bigint[]) id""",
            ids,
            turn,
        )


async def capped(pool, rules=CAPPED):
    found = await simulate_run(pool, Selection(), OFFERS, rules)
    named = [row["invoice_id"] async for row in who_is_left_out(pool, Selection(), rules)]
    assert len(named) == found.skipped.get("too_often", 0)
    assert found.estimates[0].segments == found.recipients == found.invoices - len(named)
    return named


@pytest.fixture
def _open_at_any_hour(monkeypatch):
    monkeypatch.setattr(bulk_caps, "closed_at", lambda *_: NEVER)


@pytest.mark.usefixtures("_open_at_any_hour")
async def test_what_the_frequency_caps_leave_out_of_one_run_is_foreseen(pool, connection, monkeypatch):
    await one_phone(connection, 5)
    assert await capped(pool) == [3, 4, 5]
    assert await capped(pool, bulk.RULES) == []
    monkeypatch.setattr(bulk_simulate, "SLICE", 2)  # nor does a phone begin anew with each slice
    assert await capped(pool) == [3, 4, 5]


@pytest.mark.usefixtures("_open_at_any_hour")
async def test_where_not_every_phone_is_remembered_the_forecast_says_so(
    pool, connection, monkeypatch, capsys
):
    await rows.add_invoices(connection, 4)
    await connection.execute("UPDATE customers SET phone_1 = '1198888000' || (1 + id % 2)")
    said = []
    for most in (2, 1):
        monkeypatch.setattr(bulk_caps, "_MOST", most)
        found = await simulate_run(pool, Selection(), OFFERS, replace(CAPPED, max_per_phone_day=1))
        print_simulation(found, timeout_s=172_800, zone=bulk.ZONE)
        said.append(
            (found.skipped["too_often"], found.caps_are_known, CAPS_NOT_KNOWN in capsys.readouterr().out)
        )
    assert said == [(2, True, False), (1, False, True)]


@pytest.mark.usefixtures("_open_at_any_hour")
@pytest.mark.parametrize(
    ("before", "left_out"),
    [
        ({"turn": "0 days"}, [2]),
        ({"turn": "0 days", "status": "undelivered"}, []),
        ({"turn": "0 days", "count": 2}, [1, 2]),
        ({"turn": "1 day", "count": 2}, [2]),
        ({"turn": "6 days", "count": 2}, [2]),
        ({"turn": "7 days", "count": 3}, []),
        *(({"turn": "0 days", "status": each}, [2]) for each in ("claimed", "sending", "accepted", "sent")),
        ({"turn": "0 days", "status": "uncertain"}, [2]),
        ({"turn": "-1 days"}, []),  # of a clock that was ahead
        ({"turn": "", "status": "queued"}, [2]),  # it waits, and goes first
        ({"turn": "", "status": "queued", "purpose": "requested"}, []),
    ],
)
async def test_what_a_phone_has_had_and_what_waits_for_it_count(pool, connection, before, left_out):
    await had(connection, **{"count": 1, "first_id": 50, **before})
    await one_phone(connection, 2)
    assert await capped(pool) == left_out


async def test_what_opens_tomorrow_counts_for_tomorrow(pool, connection, monkeypatch):
    await had(connection, 2, first_id=50)
    await one_phone(connection, 2)
    tomorrow = bulk.now() + timedelta(days=1)
    closed = Closed((False,), ("SP",), ("11",), (tomorrow,), (tomorrow.date(),))
    monkeypatch.setattr(bulk_caps, "closed_at", lambda *_: closed)
    assert await capped(pool) == [2]  # of the week's three
    assert await capped(pool, replace(CAPPED, max_per_phone_week=0)) == []


async def test_what_reaches_nobody_costs_nothing_and_takes_no_time(pool):
    offer = Offer("p", SegmentProfile(), 1, cost_per_segment=Decimal("0.05"), per_second=2.0)
    for each in (offer, replace(offer, ddds=frozenset({"51"}))):
        found = await simulate_run(pool, Selection([999]), [each], bulk.RULES)
        assert (found.first.cost, found.duration, found.out_of_reach) == (0, (0, 0.0), 0)


#: Of 28 November 2026, a Saturday: in São Paulo a notice may go, and a debt be asked for from Monday on.
SATURDAY = datetime(2026, 11, 28, 15, tzinfo=bulk.ZONE).astimezone(UTC)


async def test_from_when_they_go_who_are_outside_their_hours_is_told(pool, connection, monkeypatch):
    monkeypatch.setattr(bulk_simulate, "closed_at", lambda _now, rules: closed_at(SATURDAY, rules))
    await rows.add_invoices(connection, 4)
    await connection.execute("UPDATE invoices SET due_date = '2026-11-20' WHERE id > 1")
    await connection.execute("UPDATE customers SET phone_1 = '21988880001', uf = 'RJ' WHERE id = 4")
    monday = SATURDAY.replace(day=30, hour=11)
    all_of_them, the_late, one = [
        await simulate_run(pool, Selection(ids), OFFERS, bulk.RULES) for ids in ([1, 2, 3, 4], [2, 3, 4], [1])
    ]
    assert all_of_them.openings == the_late.openings == {monday: 2, monday.replace(hour=12): 1}
    assert (all_of_them.starts_at, the_late.starts_at) == (all_of_them.looked_at, monday)
    assert (one.openings, one.starts_at) == ({}, one.looked_at)
    assert (await simulate_run(pool, Selection([99]), OFFERS, bulk.RULES)).starts_at is None
