"""An invoice that a call names and nobody knows is looked for at the source: soon, and not over and over."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import asyncpg
import pytest
from tests.support.hubsoft_source import CUSTOMERS

from disparo.db import erasure
from disparo.sources.lookout import Lookout

pytestmark = pytest.mark.anyio


@pytest.fixture
def lookout(sync):
    return Lookout(sync)


async def test_what_a_page_names_twice_is_brought_by_a_look_for_something_new_too(
    there, sync, lookout, connection
):
    await sync.run()
    for _ in range(2):
        there.add_invoice(990_008, 5)
    assert await lookout.look_for_new(patience_s=5, again_after_s=60)
    assert await connection.fetchval("SELECT customer_id FROM invoices WHERE id = 990008") == 5


async def test_an_invoice_that_its_answer_names_twice_is_brought(there, sync, lookout, connection):
    await sync.run()
    for _ in range(2):
        there.add_invoice(990_018, 5)
    await lookout.look_for(990_018, patience_s=5, again_after_s=60)
    assert await connection.fetchval("SELECT customer_id FROM invoices WHERE id = 990018") == 5


async def test_a_look_for_something_new_is_bounded_and_shared(there, sync, lookout, connection):
    await sync.run()
    there.add_invoice(990_007, 5)
    calls = there.calls.total()
    await asyncio.gather(*(lookout.look_for_new(patience_s=5, again_after_s=60) for _ in range(20)))
    assert there.calls.total() - calls <= 4
    assert await connection.fetchval("SELECT customer_id FROM invoices WHERE id = 990007") == 5
    there.delay_s = 1
    began = time.perf_counter()
    assert not await lookout.look_for_new(patience_s=0.3, again_after_s=0)
    assert time.perf_counter() - began < 2


async def test_an_unknown_invoice_is_looked_up_by_its_id_whenever_it_was_made(
    there, sync, lookout, connection
):
    await sync.run()
    for invoice_id in (990_011, 990_012):  # the second a moment after the first
        there.add_invoice(invoice_id, 5)
        there.extra[-1]["data_cadastro"] = (
            f"{there.today - timedelta(days=9)} 10:00:00"  # in no list of new ones
        )
        calls = there.calls.total()
        await lookout.look_for(invoice_id, patience_s=5, again_after_s=60)
        assert there.calls.total() - calls == 1
        row = await connection.fetchrow("SELECT customer_id, status FROM invoices WHERE id = $1", invoice_id)
        assert tuple(row) == (5, "open")


async def test_one_that_is_not_there_is_not_asked_for_again_at_once(there, sync, lookout):
    await sync.run()
    calls = there.calls.total()
    for _ in range(3):
        await lookout.look_for(999_999, patience_s=5, again_after_s=60)
    assert there.calls.total() - calls == 1
    await lookout.look_for(999_999, patience_s=5, again_after_s=0)
    assert there.calls.total() - calls == 2


async def test_where_there_is_no_search_by_id_what_was_made_lately_is_brought(
    there, sync, lookout, connection
):
    await sync.run()
    there.searches = {"id_cliente"}
    there.add_invoice(990_013, 5)
    await lookout.look_for(990_013, patience_s=5, again_after_s=60)
    assert await connection.fetchval("SELECT customer_id FROM invoices WHERE id = 990013") == 5


async def test_a_source_that_does_not_answer_costs_no_more_than_the_patience(there, sync, lookout):
    await sync.run()
    there.delay_s = 2
    began = time.perf_counter()
    assert not await lookout.look_for(990_014, patience_s=0.3, again_after_s=60)
    assert time.perf_counter() - began < 2


async def test_of_a_look_that_was_not_answered_nobody_is_told_that_it_was(there, sync, lookout):
    await sync.run()
    there.searches = {"id_cliente"}
    there.fail_after = there.calls.total()
    told = await asyncio.gather(
        *(lookout.look_for_new(patience_s=0.3, again_after_s=60) for _ in range(3)),
    )
    there.fail_after = None  # there again, and not asked again so soon
    told.append(await lookout.look_for(990_020, patience_s=5, again_after_s=60))
    assert told == [False] * 4
    assert await lookout.look_for(990_020, patience_s=5, again_after_s=0)
    assert await lookout.look_for(990_021, patience_s=5, again_after_s=60)


async def test_an_erased_customers_invoice_is_asked_for_once(there, sync, lookout, connection):
    await sync.run()
    async with connection.transaction():
        await erasure.erase(connection, 5)
    there.add_invoice(990_015, 5)
    calls = there.calls.total()
    for _ in range(3):
        await lookout.look_for(990_015, patience_s=5, again_after_s=0)
    assert there.calls.total() - calls == 1
    assert await connection.fetchval("SELECT count(*) FROM invoices WHERE id = 990015") == 0
    async with connection.transaction():
        await erasure.readmit(connection, 5)
    await lookout.look_for(990_015, patience_s=5, again_after_s=0)
    assert await connection.fetchval("SELECT customer_id FROM invoices WHERE id = 990015") == 5


async def test_one_whose_customer_is_nowhere_is_not_asked_for_again_at_once(there, sync, lookout):
    await sync.run()
    there.add_invoice(990_016, CUSTOMERS + 7)
    calls = there.calls.total()
    for _ in range(3):
        await lookout.look_for(990_016, patience_s=5, again_after_s=60)
    assert there.calls.total() - calls == 3  # the invoice, and its customer by both kinds of services


@pytest.mark.parametrize("searches", [{"id_fatura", "id_cliente"}, {"id_cliente"}])
async def test_a_database_that_is_slow_is_not_taken_for_the_source(there, sync, connection, searches):
    await sync.run()
    there.searches = searches
    there.add_invoice(990_019, 5)
    async with asyncpg.create_pool(sync.dsn, min_size=1, max_size=2, command_timeout=1) as hurried:
        sync.pool = hurried
        async with connection.transaction():
            await connection.execute("LOCK TABLE invoices IN EXCLUSIVE MODE")
            with pytest.raises(TimeoutError):
                await Lookout(sync).look_for(990_019, patience_s=0.8, again_after_s=60)
