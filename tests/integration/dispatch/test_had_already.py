"""Who had an invoice already, or is about to: told alike by a forecast, by a page and by a run for the others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import product

import pytest
from tests.support import bulk, rows
from tests.support.locks import until_somebody_waits

from disparo.db import bulk_slices, dispatches
from disparo.dispatch import bulk_control, bulk_queue
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_estimate import Offer
from disparo.dispatch.bulk_queue import read_numbers
from disparo.dispatch.bulk_simulate import simulate_run
from disparo.domain.message import NEVER_SENT, Status
from disparo.domain.sms_text import SegmentProfile

pytestmark = pytest.mark.anyio

#: What nobody has had: it never went, or surely did not arrive.
IN_VAIN = NEVER_SENT | {Status.UNDELIVERED}
STILL_AHEAD = {Status.QUEUED, Status.CLAIMED, Status.SENDING, Status.HELD}


async def test_what_went_within_a_day_or_is_still_ahead(pool, connection):
    cases = list(product(Status, (False, True)))
    ids = await rows.add_messages(connection, len(cases))
    await connection.executemany(
        """UPDATE messages SET status = $2, created_at = now() - make_interval(hours => CASE WHEN $3 THEN 25 ELSE 23 END)
           WHERE id = $1""",
        [(id_, *case) for id_, case in zip(ids, cases, strict=True)],
    )
    had = {
        invoice_id
        for invoice_id, (status, is_old) in enumerate(cases, 1)
        if (status in STILL_AHEAD if is_old else status not in IN_VAIN)
    }
    found = await simulate_run(pool, Selection(), [Offer("p", SegmentProfile(), 1)], bulk.RULES)
    assert found.recent == len(had)
    for invoice_id in range(1, len(cases) + 1):
        assert bool(await dispatches.had_today(connection, invoice_id)) == (invoice_id in had)
    run = await bulk.store(pool, only_others=True)
    await bulk.queue_all(pool)
    sent = await connection.fetch("SELECT invoice_id FROM messages WHERE dispatch_id = $1", run)
    assert {row["invoice_id"] for row in sent} == set(range(1, len(cases) + 1)) - had


async def test_a_run_leaves_out_only_what_a_later_one_for_the_others_sent(pool, connection):
    await rows.add_invoices(connection, 3)
    await bulk.store(pool, Selection([1]), only_others=True)
    await bulk.queue_all(pool)
    slow = await bulk.store(pool, Selection([1, 2, 3]))
    await bulk_control.pause_run(pool, slow, actor="test")
    await bulk.store(pool, Selection([2]))
    await bulk.store(pool, Selection([3]), only_others=True)
    await bulk.queue_all(pool)
    await bulk_control.resume_run(pool, slow, actor="test")
    await bulk.queue_all(pool)
    sent = await connection.fetch("SELECT invoice_id FROM messages WHERE dispatch_id = $1 ORDER BY 1", slow)
    assert [row["invoice_id"] for row in sent] == [1, 2]


@pytest.mark.parametrize("only_others", [True, False])
async def test_who_leaves_out_what_others_had_and_who_queues_wait_for_each_other(
    pool, connection, only_others
):
    """Else neither sees what the other is about to queue, and a phone has it twice."""
    await rows.add_invoices(connection, 1)
    await read_numbers(pool)
    await bulk.store(pool, only_others=only_others)
    async with asyncio.timeout(30):
        while not await connection.fetchval("SELECT count(*) FROM bulk_slices"):
            await bulk_queue.queue_some(pool, bulk.RULES)
    async with connection.transaction():
        await bulk_slices.look_at_others(connection)
        queueing = asyncio.create_task(bulk_queue.queue_some(pool, bulk.RULES))
        await until_somebody_waits(connection)
    assert await queueing


@pytest.mark.parametrize(("cap", "everybody", "others"), [(0, 3, 2), (2, 1, 1), (3, 2, 2), (4, 3, 2)])
async def test_those_left_out_take_no_turn_of_the_others(pool, connection, cap, everybody, others):
    """A phone had one of its three invoices today: what a run for the others sends is foretold."""
    await rows.add_messages(connection)
    await rows.add_invoices(connection, 2, first_id=2)
    await connection.execute("UPDATE invoices SET customer_id = 1")
    await connection.execute("UPDATE messages SET status = 'accepted'")
    await connection.execute(
        "INSERT INTO phone_turns (phone_key, at, message_id) SELECT hashtextextended(e164, 0), now(), id FROM messages"
    )
    rules = replace(bulk.RULES, max_per_phone_week=cap)  # of an evening the run goes on another day
    found = await simulate_run(pool, Selection(), [Offer("p", SegmentProfile(), 1)], rules)
    assert (found.recipients, found.others) == (everybody, others)
