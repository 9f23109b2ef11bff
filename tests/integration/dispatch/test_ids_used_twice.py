"""Gateways that count from one again after a restart: an id names the message that had it last."""

from __future__ import annotations

import pytest
from tests.integration.dispatch.test_fence import claimed, start
from tests.integration.dispatch.test_receipts import handed_over, say
from tests.support import rows
from tests.support.rows import outcome

from disparo.db import messages

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
