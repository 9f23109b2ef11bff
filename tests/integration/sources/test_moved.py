"""An invoice that has another customer there now: found before a hand-over, and not taken for deleted."""

from __future__ import annotations

import pytest
from tests.support.hubsoft import BASE

from disparo.db import erasure
from disparo.dispatch.freshness import SourceDown

pytestmark = pytest.mark.anyio

MOVED = 700_010  # of customer 11, until it moves to 12
REPORT = f"{BASE}/financeiro/fatura"


async def state(connection, invoice_id=MOVED):
    row = await connection.fetchrow("SELECT status, customer_id FROM invoices WHERE id = $1", invoice_id)
    return tuple(row)


@pytest.mark.parametrize("tells", [True, False])
async def test_an_invoice_that_moved_to_another_customer_is_open_and_theirs(there, sync, connection, tells):
    await sync.run()
    there.tells_active = tells
    there.changes[MOVED] = {"id_cliente": 12}
    await sync.refresh([MOVED])
    assert await state(connection) == ("open", 12)


async def test_that_of_a_customer_who_came_meanwhile_brings_them(there, sync, connection):
    await sync.run()
    await connection.execute("DELETE FROM invoices WHERE customer_id = 12")
    await connection.execute("DELETE FROM customers WHERE id = 12")
    there.changes[MOVED] = {"id_cliente": 12}
    await sync.refresh([MOVED])
    assert await state(connection) == ("open", 12)
    assert await connection.fetchval("SELECT name FROM customers WHERE id = 12") == "CLIENTE 12"


async def test_that_of_a_customer_who_was_erased_is_nobodys_to_send(there, sync, connection):
    await sync.run()
    async with connection.transaction():
        await erasure.erase(connection, 12)
    there.changes[MOVED] = {"id_cliente": 12}
    await sync.refresh([MOVED])
    assert await state(connection) == ("cancelled", 11)


@pytest.mark.parametrize("tells", [True, False])
async def test_one_that_is_inactive_is_cancelled_whoever_has_it(there, sync, connection, tells):
    await sync.run()
    there.tells_active = tells
    there.changes[MOVED] = {"id_cliente": 12, "fatura_ativa": False}
    there.changes[700_020] = {"fatura_ativa": False}
    await sync.refresh([MOVED, 700_020])
    assert [(await state(connection, id_))[0] for id_ in (MOVED, 700_020)] == ["cancelled"] * 2


async def test_where_there_is_no_search_by_id_it_is_taken_for_gone(there, sync, connection):
    await sync.run()
    there.searches.discard("id_fatura")
    there.changes[MOVED] = {"id_cliente": 12}
    await sync.refresh([MOVED])
    assert await state(connection) == ("cancelled", 11)


async def test_a_source_that_goes_down_before_it_tells_makes_nothing_gone(there, sync, connection):
    await sync.run()
    there.gone.add(MOVED)
    there.fail_after = there.calls.total() + 1  # the customer's list
    with pytest.raises(SourceDown):
        await sync.refresh([MOVED])
    assert await state(connection) == ("open", 11)


async def test_of_many_that_are_missing_a_few_are_asked_for(there, sync, connection):
    for invoice_id in range(990_000, 990_030):
        there.add_invoice(invoice_id, 5)
    await sync.run()
    there.gone |= set(range(990_000, 990_030))
    before = there.calls[REPORT]
    await sync.refresh(sorted(there.gone))
    assert there.calls[REPORT] - before <= 11
    cancelled = "SELECT count(*) FROM invoices WHERE status = 'cancelled'"
    assert await connection.fetchval(cancelled) == 30
