"""What the page of the platforms and the statement say of each one's use."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from tests.integration.dispatch.test_fence import claimed, start
from tests.support import rows
from tests.support.rows import outcome

from disparo.db import messages, platform_use
from disparo.db.messages import Move
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio


async def taken(connection):
    now = await connection.fetchval("SELECT now()")
    found = await platform_use.taken(
        connection, since=now - timedelta(hours=1), until=now + timedelta(hours=1)
    )
    return [tuple(row)[1:] for row in found]


async def attempts_of(connection, message_id, count, *, every_ms):
    await connection.execute(
        """INSERT INTO attempts (message_id, platform, worker_id, started_at, outcome)
           SELECT $1, 'p', $2, now() - make_interval(secs => ($3 - n) * $4 / 1000.0), 'accepted'
           FROM generate_series(1, $3) AS n""",
        message_id,
        uuid4(),
        count,
        every_ms,
    )


@pytest.mark.parametrize(("count", "every_ms", "expected"), [(40, 100, 4), (5000, 1, 1000), (5000, 20, 50)])
async def test_the_pace_is_right_however_fast_it_goes(connection, count, every_ms, expected):
    (message_id,) = await rows.add_messages(connection)
    async with connection.transaction():  # at one moment, however long it takes
        await attempts_of(connection, message_id, count, every_ms=every_ms)
        found = await platform_use.pace(connection)
    assert found["p"]["per_second"] == pytest.approx(expected, rel=0.1)


async def sent_twice(connection, second_outcome="accepted"):
    """A message that was sent again after an answer that never came: the id, and both hand-overs."""
    worker, token, (id_,) = await claimed(connection)
    first = (await start(connection, worker, token, [id_]))[id_]
    await messages.record(connection, [outcome(id_, first, "ambiguous", segments=2)], chunk_id=77)
    await messages.apply_events(connection, [Move(id_, Event.RESEND)], actor="user:1")
    token = uuid4()
    assert await messages.claim(
        connection, worker, token=token, chunk_id=await rows.chunk_of(connection, id_), limit=5
    ) == [id_]
    second = (await start(connection, worker, token, [id_]))[id_]
    await messages.record(connection, [outcome(id_, second, second_outcome, segments=2)], chunk_id=78)
    return id_, first, second


async def tell(connection, id_, attempt_id, kind):
    await connection.execute(
        """INSERT INTO receipts (platform, digest, kind, raw, applied_at, attempt_id)
           VALUES ('p', sha256($1::text::bytea), $2, '', now(), $3)""",
        f"{attempt_id} {kind}",
        kind,
        attempt_id,
    )
    await messages.apply_events(connection, [Move(id_, Event(f"receipt_{kind}"))], actor="receipt")


async def test_each_hand_over_of_a_message_is_told_by_its_own_receipts(connection):
    """taken, segments, delivered, undelivered, uncertain."""
    id_, first, second = await sent_twice(connection)
    assert await taken(connection) == [(1, 2, 0, 0, 1)]
    await tell(connection, id_, first, "sent")
    await tell(connection, id_, first, "delivered")
    assert await taken(connection) == [(2, 4, 1, 0, 0)]
    await tell(connection, id_, second, "delivered")
    assert await taken(connection) == [(2, 4, 2, 0, 0)]


async def test_a_hand_over_that_a_receipt_confirms_was_taken_whatever_came_of_the_next(connection):
    id_, first, _ = await sent_twice(connection, "not_taken")
    assert await taken(connection) == [(0, 0, 0, 0, 1)]
    await tell(connection, id_, first, "delivered")
    assert await taken(connection) == [(1, 2, 1, 0, 0)]


async def test_one_given_as_sent_counts_as_taken(connection):
    id_, _, second = await sent_twice(connection, "ambiguous")
    await messages.apply_events(connection, [Move(id_, Event.GIVE_AS_SENT)], actor="user:1")
    assert await taken(connection) == [(1, 2, 0, 0, 1)]
    await tell(connection, id_, second, "undelivered")
    assert await taken(connection) == [(1, 2, 0, 1, 1)]


@pytest.mark.parametrize("said", ["refused", "not_taken"])
async def test_what_arrived_against_its_platforms_word_was_taken(connection, said):
    worker, token, (id_,) = await claimed(connection)
    attempt_id = (await start(connection, worker, token, [id_]))[id_]
    await messages.record(connection, [outcome(id_, attempt_id, said)], chunk_id=77)
    assert await taken(connection) == []
    await tell(connection, id_, attempt_id, "delivered")
    assert await taken(connection) == [(1, 1, 1, 0, 0)]
