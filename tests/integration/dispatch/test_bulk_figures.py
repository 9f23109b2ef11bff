"""How far a run's list is, while the register changes under it."""

from __future__ import annotations

import pytest
from tests.support import bulk, rows

from disparo.db import bulk_slices
from disparo.dispatch import bulk_control
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_queue import queue_some, read_numbers

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch):
    monkeypatch.setattr(bulk_slices, "SLICE", 10)
    monkeypatch.setattr("disparo.dispatch.bulk_queue.SLICE", 10)


@pytest.mark.parametrize("selection", [Selection(), Selection(list(range(1, 8)))])
async def test_a_small_run_that_is_cancelled_at_once_was_listed_whole(pool, connection, selection):
    """`A lista ainda não estava pronta: o resto dela também não sai`, of seven invoices out of seven."""
    await rows.add_invoices(connection, 7)
    await read_numbers(pool)
    run = await bulk.store(pool, selection)
    while not await connection.fetchval("SELECT count(*) FROM messages"):
        assert await queue_some(pool, bulk.RULES)
    done = await bulk_control.cancel_run(pool, run, actor="test")
    assert (done.cancelled, done.is_unlisted) == (7, False)


async def listed_while(pool, connection, *changes):
    """Begin to list fifty, change the register, and go on; gives total and read at each step."""
    await rows.add_invoices(connection, 50)
    run = await bulk.store(pool)
    seen = []
    while await queue_some(pool, bulk.RULES):
        row = await bulk.run_of(pool, run)
        seen.append((row["total"], row["tallies"].get("invoices", 0)))
        if changes and seen[-1][1]:
            for change in changes:
                await change
            changes = ()
    row = await bulk.run_of(pool, run)
    return [*seen, (row["total"], row["tallies"]["invoices"])]


async def test_of_invoices_that_come_while_a_run_is_listed_no_more_are_read_than_there_are(pool, connection):
    """`Faturas lidas: 80 de 50`."""
    seen = await listed_while(pool, connection, rows.add_invoices(connection, 30, first_id=101))
    assert all(total is None or read <= total for total, read in seen)
    assert seen[-1] == (80, 80)


async def test_of_invoices_that_go_while_a_run_is_listed_it_does_not_wait_for_ever(pool, connection):
    """`Faturas lidas: 30 de 50`, of a run that is done."""
    gone = connection.execute("UPDATE invoices SET status = 'paid' WHERE id > 30")
    assert (await listed_while(pool, connection, gone))[-1][0] < 50
    row = await bulk.run_of(pool, await connection.fetchval("SELECT dispatch_id FROM bulk_runs"))
    assert row["total"] == row["tallies"]["invoices"]
