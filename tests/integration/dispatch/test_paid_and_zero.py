"""Invoices that are paid, or of R$ 0,00: they go where the installation's settings say so, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.integration.dispatch.test_accept import SETTINGS, call, running
from tests.support import bulk, rows

from disparo.db import messages
from disparo.dispatch.bulk import Selection
from disparo.dispatch.calls import Done, Refused
from disparo.dispatch.rules import Drop, objection
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio

KINDS = [("status = 'paid'", "allow_paid", "invoice_paid"), ("amount = 0", "allow_zero", "invoice_zero")]


async def send(pool, **allowed):
    """Send the invoice by a call and by a run; gives the verdict on the call, and what the run comes to."""
    async with running(pool, settings=replace(SETTINGS, **allowed)) as acceptor:
        verdict = await acceptor.accept(call(1))
    dispatch_id = await bulk.store(pool, Selection([1]))
    await bulk.queue_all(pool, replace(bulk.RULES, **allowed))
    return verdict, (await bulk.run_of(pool, dispatch_id))["tallies"]


@pytest.mark.parametrize(("change", "setting", "reason"), KINDS)
async def test_one_goes_where_its_setting_says_so(pool, connection, change, setting, reason):
    await rows.add_invoices(connection)
    await connection.execute(f"UPDATE invoices SET {change}")
    (other,) = {"allow_paid", "allow_zero"} - {setting}
    verdict, tallies = await send(pool, **{other: True})
    assert isinstance(verdict, Refused)
    assert (verdict.reason, tallies) == (reason, {"invoices": 1, reason: 1})
    verdict, tallies = await send(pool, **{setting: True})
    assert isinstance(verdict, Done)
    assert tallies == {"invoices": 1, "messages": 1}


@pytest.mark.parametrize(("change", "setting", "reason"), KINDS)
async def test_the_last_look_goes_by_the_same_setting(connection, change, setting, reason):
    ids = await rows.add_messages(connection)
    await connection.execute(f"UPDATE invoices SET {change}")
    (facts,) = await messages.claimed_facts(connection, ids)
    assert objection(facts, bulk.RULES) == Drop(Event.SKIP, reason)
    assert objection(facts, replace(bulk.RULES, **{setting: True})) is None
