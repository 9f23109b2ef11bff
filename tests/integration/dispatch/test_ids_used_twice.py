"""Gateways that count from one again after a restart: an id names the message that had it last."""

from __future__ import annotations

import pytest
from tests.integration.dispatch.test_fence import claimed, start
from tests.integration.dispatch.test_receipts import hand_over_again, handed_over, say
from tests.support import rows
from tests.support.rows import outcome

from disparo.db import messages
from disparo.dispatch.receipts import apply_early

pytestmark = pytest.mark.anyio


async def test_word_for_word_the_same_of_the_next_message_is_news(pool, connection):
    first = await handed_over(connection)
    assert await say(pool, "delivered")
    second = await handed_over(connection, first_id=2)
    assert await say(pool, "delivered")
    assert await rows.statuses(connection, [first, second]) == ["delivered", "delivered"]
    assert not await say(pool, "delivered")
    assert await connection.fetchval("SELECT count(DISTINCT attempt_id) FROM receipts") == 2


async def test_one_that_was_nobodys_once_is_news_of_whoever_has_its_id_now(pool, connection):
    await say(pool, "delivered")
    await connection.execute("UPDATE receipts SET applied_at = now(), result = 'unmatched'")
    id_ = await handed_over(connection)
    assert await say(pool, "delivered")
    assert await rows.statuses(connection, [id_]) == ["delivered"]


async def test_our_own_reference_tells_whose_it_is_where_no_answer_came(pool, connection):
    first = await handed_over(connection)
    worker, token, (second,) = await claimed(connection, first_id=2)
    attempts = await start(connection, worker, token, [second])
    await messages.record(connection, [outcome(second, attempts[second], "ambiguous")], chunk_id=99)
    reference = await connection.fetchval("SELECT reference FROM messages WHERE id = $1", second)
    await say(pool, "undelivered", reference=reference)
    assert await rows.statuses(connection, [first, second]) == ["accepted", "undelivered"]


@pytest.mark.parametrize("first", ["accepted", "ambiguous"])
async def test_a_failure_told_between_two_hand_overs_under_one_id_is_of_both(pool, connection, first):
    """A platform that knows a reference again gives the same id, and says once what became of it."""
    worker, token, (id_,) = await claimed(connection)
    attempts = await start(connection, worker, token, [id_])
    named = "id-1" if first == "accepted" else None
    await messages.record(connection, [outcome(id_, attempts[id_], first, platform_id=named)], chunk_id=99)
    await hand_over_again(connection, id_)
    reference = await connection.fetchval("SELECT reference FROM messages WHERE id = $1", id_)
    assert await say(pool, "undelivered", code="EXPIRED", reference=reference)
    assert await rows.statuses(connection, [id_]) == ["queued"]
    other = await handed_over(connection, "id-2", first_id=2)
    assert (await hand_over_again(connection, id_, platform_id="id-1"))[0]["early"]
    await apply_early(pool, {("p", "id-1"), ("p", "id-2")})
    assert await rows.statuses(connection, [id_, other]) == ["undelivered", "accepted"]
    assert await connection.fetchval("SELECT result FROM receipts") == "moved"


async def test_a_failure_of_another_hand_over_is_not_that_of_the_next_message_with_its_id(pool, connection):
    first = await handed_over(connection)
    await hand_over_again(connection, first)
    assert await say(pool, "undelivered")
    second = await handed_over(connection, first_id=2)
    await apply_early(pool, {("p", "id-1")})
    assert await rows.statuses(connection, [first, second]) == ["queued", "accepted"]
    assert await say(pool, "undelivered")  # the same words, of the second
    assert await rows.statuses(connection, [first, second]) == ["queued", "undelivered"]
