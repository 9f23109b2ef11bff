"""The day's figures count what bulk runs stored, and hand-overs whose receipt came before their outcome."""

from __future__ import annotations

import pytest
from tests.integration.dispatch.test_fence import claimed, start
from tests.support import rows
from tests.support.rows import outcome

from disparo.db import day, messages
from disparo.db.messages import Move
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio


async def figures(connection):
    since = await connection.fetchval("SELECT now() - interval '1 hour'")
    found = await day.read(connection, since=since, zone="UTC")
    totals: dict[str, int] = {}
    for row in found:
        totals[row["status"]] = totals.get(row["status"], 0) + row["total"]
    return totals


@pytest.mark.parametrize(("kind", "chunk_id"), [("single", 5), ("bulk", -5)])
async def test_what_is_stored_counts_whoever_stored_it(connection, kind, chunk_id):
    await rows.add_messages(connection, 3, kind=kind, chunk_id=chunk_id)
    assert await figures(connection) == {"new": 3}


async def test_a_receipt_before_the_outcome_counts_the_hand_over_once(connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.apply_events(connection, [Move(ids[0], Event.RECEIPT_DELIVERED)], actor="receipt")
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]])], chunk_id=77)
    assert await figures(connection) == {"new": 1, "accepted": 1, "delivered": 1}


async def test_the_usual_order_counts_each_step_once(connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]])], chunk_id=77)
    await messages.apply_events(connection, [Move(ids[0], Event.RECEIPT_DELIVERED)], actor="receipt")
    assert await figures(connection) == {"new": 1, "accepted": 1, "delivered": 1}


@pytest.mark.parametrize("told", [Event.RECEIPT_SENT, Event.RECEIPT_DELIVERED])
async def test_a_receipt_of_what_waits_to_be_sent_again_counts_its_hand_over(connection, told):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]], "ambiguous")], chunk_id=77)
    await messages.apply_events(connection, [Move(ids[0], Event.RESEND)], actor="user:1")
    await messages.apply_events(connection, [Move(ids[0], told)], actor="receipt")
    reached = "sent" if told is Event.RECEIPT_SENT else "delivered"
    assert await figures(connection) == {"new": 1, "uncertain": 1, "accepted": 1, reached: 1}


async def test_a_delivery_that_contradicts_a_refusal_counts_its_hand_over(connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]], "refused")], chunk_id=77)
    await messages.apply_events(connection, [Move(ids[0], Event.RECEIPT_DELIVERED)], actor="receipt")
    assert await figures(connection) == {"new": 1, "failed": 1, "accepted": 1, "delivered": 1}
