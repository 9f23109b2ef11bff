"""A simulation of what goes on another day: by the texts of that day, and not of the day it is made on."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal

import pytest
from tests.support import bulk, rows

from disparo.db import templates
from disparo.db.bulk_slices import Closed
from disparo.dispatch import bulk_simulate
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_estimate import Offer
from disparo.dispatch.bulk_queue import NEVER
from disparo.dispatch.bulk_simulate import simulate_run
from disparo.domain.sms_text import SegmentProfile

pytestmark = pytest.mark.anyio

OFFERS = [Offer("p", SegmentProfile(), 1)]
#: One SMS, and two with the words that stand in the text of an overdue invoice.
TEMPLATE = "{marca}: {valor} {vence} em {vencimento}. " + "Aviso " * 17 + "{observacao}"


@pytest.fixture
async def tomorrow(connection, monkeypatch):
    """It is closed here in São Paulo until tomorrow; of four invoices one is due today; one is in Rio."""
    tomorrow = bulk.now() + timedelta(days=1)
    day = tomorrow.astimezone(bulk.ZONE).date()
    closed = Closed((False, True), ("SP", "SP"), ("11", "11"), (tomorrow, tomorrow), (day, day))
    monkeypatch.setattr(bulk_simulate, "closed_at", lambda *_: closed)
    await rows.add_invoices(connection, 4)
    await connection.execute("UPDATE invoices SET due_date = $1 WHERE id = 1", day - timedelta(days=1))
    await connection.execute("UPDATE invoices SET due_date = $1 WHERE id > 1", day)
    await connection.execute("UPDATE customers SET phone_1 = '21988880001', uf = 'RJ' WHERE id = 2")
    await templates.write(connection, TEMPLATE, actor="test")
    return day


async def test_what_is_due_today_and_goes_tomorrow_is_told_that_it_is_overdue(pool, tomorrow):
    found = await simulate_run(pool, Selection(), OFFERS, bulk.RULES)
    assert (found.recipients, found.estimates[0].segments, found.openings.total()) == (4, 5, 3)
    assert found.examples[1]


async def test_what_its_customer_asked_for_goes_now(pool, tomorrow):
    found = await simulate_run(pool, Selection([1]), OFFERS, bulk.RULES, at_any_hour=True)
    assert (found.estimates[0].segments, found.openings) == (1, {})
    assert found.examples == {1: False}


async def test_the_hours_of_platforms_count(pool, tomorrow, monkeypatch):
    """What goes by none of them before the morning costs what the morning's costs, whichever comes first."""
    monkeypatch.setattr(bulk_simulate, "closed_at", lambda *_: NEVER)
    is_noon_past = bulk.now().astimezone(bulk.ZONE).hour >= 12
    closed = (time(5), time(6)) if is_noon_past else (time(20), time(21))
    dear, cheap = (Offer(name, SegmentProfile(), 1, cost_per_segment=Decimal(1)) for name in "dc")
    cheap = replace(cheap, order=0, cost_per_segment=Decimal("0.5"), hours=closed)
    found = await simulate_run(pool, Selection([2, 3, 4]), [cheap, dear], bulk.RULES)
    assert (found.first.cost, found.openings, found.starts_at) == (3, {}, found.looked_at)
    assert [each.recipients for each in found.estimates] == [3, 3]
    found = await simulate_run(pool, Selection([2, 3, 4]), [cheap], bulk.RULES)
    opens = found.starts_at.astimezone(bulk.ZONE)
    assert (found.first.cost, found.openings.total(), opens.time()) == (Decimal("1.5"), 3, closed[0])
    assert opens > found.looked_at
