"""A dispatch is withdrawn: how many of its messages never go, and how many had gone."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from tests.integration.dispatch.test_fence import claimed, start
from tests.support import rows
from tests.support.bulk import RULES
from tests.support.locks import until_somebody_waits

from disparo.db import messages
from disparo.dispatch import cancel, reconcile, takeover
from disparo.dispatch.rules import Drop, objection
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio


async def test_of_two_who_cancel_at_once_neither_is_told_that_a_message_went(pool, connection):
    (message,) = await rows.add_messages(connection)
    dispatch = await connection.fetchval("SELECT dispatch_id FROM messages WHERE id = $1", message)

    async def second():
        async with pool.acquire() as other, other.transaction():
            return await cancel.cancel_dispatch(other, dispatch, actor="second")

    async with connection.transaction():
        first = await cancel.cancel_dispatch(connection, dispatch, actor="first")
        waiting = asyncio.create_task(second())
        await until_somebody_waits(connection)
    assert first == cancel.Cancelled(1, 0)
    assert await asyncio.wait_for(waiting, 10) == cancel.Cancelled(0, 0)


async def test_a_dispatch_that_is_not_there_is_not_cancelled(connection):
    async with connection.transaction():
        assert await cancel.cancel_dispatch(connection, uuid4(), actor="test") is None


async def test_what_a_platform_does_not_take_of_a_cancelled_dispatch_goes_no_more(connection):
    worker, token, (message,) = await claimed(connection)
    (attempt,) = (await start(connection, worker, token, [message])).values()
    dispatch = await connection.fetchval("SELECT dispatch_id FROM messages")
    async with connection.transaction():
        assert await cancel.cancel_dispatch(connection, dispatch, actor="test") == cancel.Cancelled(0, 1)
    refused = rows.outcome(message, attempt, "not_taken", retry_s=0)
    await messages.record(connection, [refused], chunk_id=77)
    assert await rows.statuses(connection, [message]) == ["queued"]
    (facts,) = await messages.claimed_facts(connection, [message])
    assert objection(facts, RULES) == Drop(Event.CANCEL, "cancelled")


async def lost(connection, message, worker, token):
    """Start a message and lose its worker: it is uncertain, and waits to be sent again; gives the attempt."""
    (attempt,) = (await start(connection, worker, token, [message])).values()
    async with connection.transaction():
        await takeover.take_over(connection, worker, beat=0)
        await connection.execute("UPDATE attempts SET started_at = started_at - interval '1 hour'")
        assert await reconcile.resend(connection, [message], actor="test") == [message]
    return attempt


@pytest.mark.parametrize("kind", ["not_taken", "not_started"])
async def test_a_message_that_was_taken_back_does_not_go_again_when_its_lost_start_had_no_effect(
    connection, kind
):
    worker, token, (message,) = await claimed(connection)
    attempt = await lost(connection, message, worker, token)
    async with connection.transaction():
        assert await cancel.cancel_message(connection, message, actor="usuario:7") == "uncertain"
    for _ in range(2):  # the second time for an answer that was lost
        await messages.record(connection, [rows.outcome(message, attempt, kind, retry_s=0)], chunk_id=77)
        found = await connection.fetchrow("SELECT status, reason, actor, tries FROM messages")
        assert found == ("cancelled", "cancelled", "usuario:7", 0)


async def test_a_message_that_was_taken_back_stays_uncertain_where_another_start_may_have_had_an_effect(
    connection,
):
    worker, token, (message,) = await claimed(connection)
    await lost(connection, message, worker, token)
    second, chunk = await rows.add_worker(connection), await rows.chunk_of(connection, message)
    await messages.claim(connection, second, token=token, chunk_id=chunk, limit=1)
    attempt = await lost(connection, message, second, token)
    async with connection.transaction():
        assert await cancel.cancel_message(connection, message, actor="test") == "uncertain"
    for _ in range(2):
        late = rows.outcome(message, attempt, "not_started", retry_s=0)
        await messages.record(connection, [late], chunk_id=77)
        found = await connection.fetchrow("SELECT status, reason, tries FROM messages")
        assert found == ("uncertain", "cancelled", 1)
