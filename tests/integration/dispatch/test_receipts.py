"""Receipts: repeated, late, early, out of order, unknown; each has a defined answer (delivery.md §7)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.integration.dispatch.test_fence import claimed, outcome, start
from tests.support import rows

from disparo.db import messages, receipts
from disparo.dispatch.receipts import apply_waiting, give_up_unmatched
from disparo.domain.outcome import FailureClass, ReceiptEvent, ReceiptKind

pytestmark = pytest.mark.anyio


async def handed_over(connection, platform_id="id-1"):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    result = outcome(ids[0], attempts[ids[0]], platform_id=platform_id)
    await messages.record(connection, [result], chunk_id=99)
    return ids[0]


async def say(connection, kind, platform_id="id-1", platform="p", **changes):
    event = ReceiptEvent(ReceiptKind(kind), platform_id=platform_id, **changes)
    return await receipts.store(connection, platform, [event], raw="raw")


@pytest.mark.parametrize("kind", ["sent", "delivered", "undelivered"])
async def test_a_receipt_moves_its_message(pool, connection, kind):
    id_ = await handed_over(connection)
    await say(connection, kind)
    assert await apply_waiting(pool) == 1
    assert await rows.statuses(connection, [id_]) == [kind]


async def test_a_repeated_receipt_is_stored_once(pool, connection):
    await handed_over(connection)
    await say(connection, "sent")
    assert await say(connection, "sent") == []


async def test_out_of_order_the_highest_wins(pool, connection):
    id_ = await handed_over(connection)
    await say(connection, "delivered")
    await apply_waiting(pool)
    await say(connection, "sent")
    await apply_waiting(pool)
    assert await rows.statuses(connection, [id_]) == ["delivered"]
    assert await connection.fetchval("SELECT result FROM receipts ORDER BY id DESC LIMIT 1") == "no_move"


async def test_several_in_one_batch_move_once(pool, connection):
    id_ = await handed_over(connection)
    for kind in ("sent", "delivered"):
        await say(connection, kind)
    assert await apply_waiting(pool) == 2
    assert await rows.statuses(connection, [id_]) == ["delivered"]


async def test_an_early_receipt_waits_for_its_outcome(pool, connection):
    await say(connection, "delivered")
    assert await apply_waiting(pool) == 0
    id_ = await handed_over(connection)
    assert await apply_waiting(pool) == 1
    assert await rows.statuses(connection, [id_]) == ["delivered"]


async def test_an_early_receipt_is_announced_to_the_recorder(pool, connection):
    await say(connection, "delivered")
    await apply_waiting(pool)
    worker, token, ids = await claimed(connection, 2)
    attempts = await start(connection, worker, token, ids)
    for id_, platform_id, early in zip(ids, ("id-1", "id-2"), (True, False), strict=True):
        result = outcome(id_, attempts[id_], platform_id=platform_id)
        (row,) = await messages.record(connection, [result], chunk_id=99)
        assert row["early"] is early


async def test_two_messages_under_one_platform_id_are_both_written_down(connection):
    worker, token, ids = await claimed(connection, 2)
    attempts = await start(connection, worker, token, ids)
    results = [outcome(id_, attempts[id_], platform_id="same") for id_ in ids]
    await messages.record(connection, results, chunk_id=99)
    assert await rows.statuses(connection, ids) == ["accepted", "accepted"]


async def test_by_reference_before_any_outcome(pool, connection):
    worker, token, ids = await claimed(connection)
    await start(connection, worker, token, ids)
    reference = await connection.fetchval("SELECT reference FROM messages")
    await say(connection, "delivered", platform_id=None, reference=reference)
    assert await apply_waiting(pool) == 1
    assert await rows.statuses(connection, ids) == ["delivered"]


async def test_another_platforms_receipt_touches_nothing(pool, connection):
    id_ = await handed_over(connection)
    reference = await connection.fetchval("SELECT reference FROM messages")
    await say(connection, "undelivered", platform="other", reference=reference)
    assert await apply_waiting(pool) == 0
    assert await rows.statuses(connection, [id_]) == ["accepted"]


async def test_a_late_receipt_settles_an_uncertain_message(pool, connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]], "ambiguous")], chunk_id=99)
    reference = await connection.fetchval("SELECT reference FROM messages")
    await say(connection, "sent", platform_id=None, reference=reference)
    await apply_waiting(pool)
    assert await rows.statuses(connection, ids) == ["sent"]


async def test_a_delivery_against_a_failure_is_called_a_contradiction(pool, connection):
    id_ = await handed_over(connection)
    await say(connection, "undelivered")
    await apply_waiting(pool)
    await say(connection, "delivered")
    await apply_waiting(pool)
    assert await rows.statuses(connection, [id_]) == ["delivered"]
    assert (
        await connection.fetchval("SELECT result FROM receipts ORDER BY id DESC LIMIT 1") == "contradiction"
    )


async def test_a_number_without_owner_is_marked_and_an_opt_out_suppressed(pool, connection):
    await handed_over(connection)
    await say(connection, "undelivered", failure=FailureClass.NUMBER, code="1")
    await say(connection, "undelivered", failure=FailureClass.OPT_OUT, code="2")
    await apply_waiting(pool)
    assert await connection.fetchval("SELECT count(*) FROM bad_numbers") == 1
    assert await connection.fetchval("SELECT count(*) FROM opt_outs") == 1


async def test_an_unknown_receipt_is_kept_three_days(pool, connection):
    await say(connection, "sent", platform_id=uuid4().hex)
    await apply_waiting(pool)
    assert await connection.fetchval("SELECT applied_at FROM receipts") is None
    await connection.execute("UPDATE receipts SET received_at = now() - interval '73 hours'")
    await give_up_unmatched(pool)
    assert await connection.fetchval("SELECT result FROM receipts") == "unmatched"
