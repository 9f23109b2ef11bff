"""A failure told while its message is to be sent again: the end, where nothing comes of that."""

from __future__ import annotations

import pytest
from tests.integration.dispatch import test_recorder as recorder
from tests.integration.dispatch.test_fence import take_over
from tests.integration.dispatch.test_receipts import hand_over_again, handed_over, say, told
from tests.support import rows
from tests.support.rows import outcome

from disparo.db import figures
from disparo.dispatch.cancel import cancel_message
from disparo.dispatch.receipts import apply_waiting, take
from disparo.domain.outcome import FailureClass

pytestmark = pytest.mark.anyio


async def say_failed(pool, connection, **changes):
    reference = await connection.fetchval("SELECT reference FROM messages")
    return await say(pool, "undelivered", reference=reference, **changes)


@pytest.mark.parametrize("first_answer", [None, "id-1"])
async def test_it_is_where_the_second_start_is_refused(pool, connection, first_answer):
    worker, message, first = await recorder.handed_over(connection, tries=2)
    second = await recorder.sent_again(connection, worker, message)
    if first_answer:
        async with recorder.recorded(pool, outcome(message, first, "accepted", platform_id=first_answer)):
            pass
    assert await say_failed(pool, connection)
    async with recorder.recorded(pool, outcome(message, second, "refused")):
        pass
    await apply_waiting(pool)
    assert await rows.statuses(connection, [message]) == ["undelivered"]


@pytest.mark.parametrize("named", [{}, {"platform_id": None}])
async def test_it_is_where_a_person_takes_back_what_was_to_go_again(pool, connection, named):
    worker, message, _ = await recorder.handed_over(connection, tries=2)
    await take_over(connection, worker)
    assert await say_failed(pool, connection, **named)
    await apply_waiting(pool)
    assert await rows.statuses(connection, [message]) == ["queued"]
    assert await cancel_message(connection, message, actor="ana") == "uncertain"
    await apply_waiting(pool)
    assert await rows.statuses(connection, [message]) == ["undelivered"]


async def test_what_failed_waits_and_is_seen_until_what_came_of_the_next_is_known(pool, connection):
    id_ = await handed_over(connection)
    await hand_over_again(connection, id_)
    assert await say(pool, "undelivered", failure=FailureClass.NUMBER)
    stored = "SELECT attempt_id IS NULL, result FROM receipts"
    assert tuple(await connection.fetchrow(stored)) == (False, None)
    await connection.execute("DELETE FROM bad_numbers")  # a person knows better
    assert await figures.count_waiting_receipts(connection) == 0  # it has found its message
    before = await connection.fetch("SELECT ctid::text FROM platform_messages")
    assert await apply_waiting(pool) == 0
    assert await connection.fetch("SELECT ctid::text FROM platform_messages") == before
    assert not await connection.fetch("SELECT FROM bad_numbers")
    await hand_over_again(connection, id_, platform_id="id-2")
    assert await apply_waiting(pool) == 1
    assert tuple(await connection.fetchrow(stored)) == (False, "no_move")
    assert not await connection.fetch("SELECT FROM bad_numbers")
    assert await rows.statuses(connection, [id_]) == ["accepted"]


async def test_by_our_reference_alone_it_is_of_the_start_that_was_the_last_then(pool, connection):
    id_ = await handed_over(connection)
    await hand_over_again(connection, id_)
    assert await say_failed(pool, connection, platform_id=None)
    await hand_over_again(connection, id_, platform_id="id-2")
    assert await apply_waiting(pool) == 1
    assert await rows.statuses(connection, [id_]) == ["accepted"]


async def test_one_that_was_taken_for_that_of_a_start_without_effect_is_the_last_ones(pool, connection):
    """Named by an id that no answer told, while both answers are awaited: the first had taken nothing."""
    worker, message, first = await recorder.handed_over(connection, tries=2)
    second = await recorder.sent_again(connection, worker, message)
    assert await say_failed(pool, connection)
    for answer in (outcome(message, second, "ambiguous"), outcome(message, first, "not_taken")):
        async with recorder.recorded(pool, answer):
            pass
        await apply_waiting(pool)
    assert await rows.statuses(connection, [message]) == ["undelivered"]


async def test_its_receipts_that_come_together_say_that_it_left_once_and_it_goes_no_more(pool, connection):
    worker, message, _ = await recorder.handed_over(connection, tries=2)
    await take_over(connection, worker)
    reference = await connection.fetchval("SELECT reference FROM messages")
    together = [told(kind, reference=reference) for kind in ("sent", "undelivered")]
    async with pool.acquire() as another, another.transaction():
        await take(another, together)
    assert await rows.statuses(connection, [message]) == ["sent"]
    await apply_waiting(pool)
    assert await rows.statuses(connection, [message]) == ["undelivered"]
