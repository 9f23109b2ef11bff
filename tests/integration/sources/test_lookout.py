"""An invoice that a call names and nobody knows is looked for at the source: soon, and not over and over."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import asyncpg
import pytest
from tests.support.hubsoft_source import CUSTOMERS
from tests.support.locks import until_somebody_waits
from tests.support.loops import put_forward

from disparo.db import erasure
from disparo.db.register_upsert import wait_for_turn
from disparo.sources import lookout as module
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
    there.delay_s = 10
    began = time.perf_counter()
    assert not await lookout.look_for_new(patience_s=0.3, again_after_s=0)
    assert time.perf_counter() - began < 9


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
    there.delay_s = 10
    began = time.perf_counter()
    assert not await lookout.look_for(990_014, patience_s=0.3, again_after_s=60)
    assert time.perf_counter() - began < 9


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
    async with asyncpg.create_pool(sync.dsn, min_size=1, max_size=2, command_timeout=60) as hurried:
        sync.pool = hurried
        async with connection.transaction():
            await connection.execute("LOCK TABLE invoices IN EXCLUSIVE MODE")
            looking = asyncio.create_task(Lookout(sync).look_for(990_019, patience_s=40, again_after_s=60))
            await until_somebody_waits(connection)
            put_forward(60)
            with pytest.raises(TimeoutError):
                await looking


async def test_looks_that_wait_for_the_register_hold_one_connection_between_them(
    there, sync, lookout, connection
):
    await sync.run()
    numbers = range(990_030, 990_034)
    for number in numbers:
        there.add_invoice(number, 5)
    stored = "SELECT count(*) FROM invoices WHERE id = ANY($1)"
    async with asyncpg.create_pool(sync.dsn, min_size=2, max_size=2) as small:
        sync.pool, calls = small, there.calls.total()
        async with connection.transaction():
            await wait_for_turn(connection, "invoices")  # as a long import does
            looks = [lookout.look_for(number, patience_s=20, again_after_s=60) for number in numbers]
            found = asyncio.gather(*looks)
            await until_somebody_waits(connection)
            rounds = 0
            while rounds < 20:  # each behind whoever asked for a connection before it
                async with asyncio.timeout(10), small.acquire() as other:
                    assert await other.fetchval(stored, [*numbers]) == 0
                rounds += there.calls.total() - calls == len(numbers)
        assert all(await found)
    assert await connection.fetchval(stored, [*numbers]) == len(numbers)


async def test_who_waits_too_long_behind_another_for_the_register_is_told_so(
    there, sync, lookout, connection, monkeypatch
):
    monkeypatch.setattr(module, "_TURN_WITHIN_S", 0.1)
    await sync.run()
    looks = []
    async with connection.transaction():
        await wait_for_turn(connection, "invoices")
        for number in (990_040, 990_041):
            there.add_invoice(number, 5)
            look = lookout.look_for(number, patience_s=20, again_after_s=60)
            looks.append(asyncio.create_task(look))
            await until_somebody_waits(connection)
        with pytest.raises(TimeoutError):
            await looks[1]
    assert await looks[0]


async def test_a_row_that_the_database_refuses_is_no_fault_of_whoever_named_it(
    there, sync, lookout, connection
):
    await sync.run()
    there.add_invoice(990_050, 5)
    await connection.execute("ALTER TABLE invoices ADD CONSTRAINT odd CHECK (id <> 990050)")
    assert await lookout.look_for(990_050, patience_s=5, again_after_s=60)  # as one that is not there
    there.searches = {"id_cliente"}
    # Not all that is new was brought.
    assert not await lookout.look_for(990_051, patience_s=5, again_after_s=60)
