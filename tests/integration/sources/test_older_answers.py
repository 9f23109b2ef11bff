"""Of two answers about an invoice the one that was asked for last counts, whichever is stored last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from disparo.db.customers import upsert_invoices
from disparo.sources.asking_again import AskingAgain
from disparo.sources.sync import Sync

pytestmark = pytest.mark.anyio

STATE = "SELECT status, checked_at FROM invoices WHERE id = 700010"


async def test_a_page_that_was_read_before_an_invoice_was_paid_does_not_open_it_again(
    there, sync, connection, monkeypatch
):
    await sync.run()
    find_strangers, seen = Sync.find_strangers, []

    async def meanwhile(self, invoices):
        """Between a page's answer and its storing a worker asks for one of its invoices."""
        if not seen and 700_010 in {row["id"] for row in invoices}:
            there.pay(700_010)
            await self.refresh([700_010])
            seen.append(await connection.fetchrow(STATE))
        return await find_strangers(self, invoices)

    monkeypatch.setattr(Sync, "find_strangers", meanwhile)
    there.changes[700_011] = {"valor": 55}
    await sync.run(full=True)
    assert [row["status"] for row in seen] == ["paid"]
    assert await connection.fetchrow(STATE) == seen[0]
    assert await connection.fetchval("SELECT amount FROM invoices WHERE id = 700011") == 55


async def test_an_answer_is_as_old_as_its_question(there, sync, connection):
    await sync.run()
    there.delay_s = 0.5
    await sync.refresh([700_010])
    age = await connection.fetchval("SELECT now() - checked_at FROM invoices WHERE id = 700010")
    assert age >= timedelta(seconds=0.5)


async def test_a_list_that_was_read_before_an_invoice_came_back_does_not_cancel_it(
    there, sync, connection, monkeypatch
):
    await sync.run()
    there.searches.discard("id_fatura")
    there.gone.add(700_010)
    look_for_gone, seen = AskingAgain._look_for_gone, []

    async def meanwhile(self, *lacking):
        """Between the answer and what is made of it another worker asks, and it is there again."""
        there.gone.discard(700_010)
        await sync.refresh([700_010])
        seen.append(await connection.fetchrow(STATE))
        await look_for_gone(self, *lacking)

    monkeypatch.setattr(AskingAgain, "_look_for_gone", meanwhile)
    await sync.refresh([700_010])
    assert [row["status"] for row in seen] == ["open"]
    assert await connection.fetchrow(STATE) == seen[0]


async def test_what_is_found_gone_is_written_over_by_what_was_asked_for_later(
    there, sync, connection, monkeypatch
):
    await sync.run()
    there.searches.discard("id_fatura")
    there.gone.add(700_010)
    look_for_gone = AskingAgain._look_for_gone

    async def meanwhile(self, *lacking):
        there.gone.discard(700_010)
        page = await self.source.fetch_invoices(11, [there.due(10)])
        await look_for_gone(self, *lacking)
        assert (await connection.fetchrow(STATE))["status"] == "cancelled"
        await upsert_invoices(connection, page.invoices)

    monkeypatch.setattr(AskingAgain, "_look_for_gone", meanwhile)
    await sync.refresh([700_010])
    assert (await connection.fetchrow(STATE))["status"] == "open"


async def test_what_a_clock_that_was_ahead_has_stored_is_written_over(there, sync, connection):
    await sync.run()
    await connection.execute("UPDATE invoices SET checked_at = now() + interval '1 day' WHERE id = 700010")
    there.pay(700_010)
    await sync.refresh([700_010])
    row = await connection.fetchrow(STATE)
    assert row["status"] == "paid"
    assert row["checked_at"] <= datetime.now(UTC)


async def test_what_tells_no_time_is_taken_over_as_ever(there, sync, connection):
    await sync.run()
    row = await connection.fetchrow(
        "SELECT id, customer_id, amount, due_date FROM invoices WHERE id = 700010"
    )
    await upsert_invoices(connection, [{**row, "status": "cancelled"}])
    assert (await connection.fetchrow(STATE))["status"] == "cancelled"
