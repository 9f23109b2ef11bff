"""What was planned while a table was nearly empty is planned anew soon after it has grown, not at the next autovacuum.

A plan that is kept reads such a table whole, as that costs nothing; it then does so for each start and each outcome.
"""

from __future__ import annotations

from uuid import uuid4

import pytest
from bench import history
from tests.support import rows

from disparo.db import growth, messages
from disparo.db.messages import Move, Start
from disparo.db.pool import connect
from disparo.dispatch import sweep
from disparo.domain.message import Event

pytestmark = pytest.mark.anyio

MANY = 20_000
_READ = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'messages'"


@pytest.fixture
async def ours(dsn):
    """A connection as the program's are: it keeps its plans."""
    connection = await connect(dsn)
    yield connection
    await connection.close()


async def hand_over(connection, ours, first_id):
    """Have one message claimed, put back, claimed again, started, taken and confirmed."""
    (one,) = await rows.add_messages(connection, 1, first_id=first_id)
    worker, token = await rows.add_worker(connection), uuid4()
    chunk = await rows.chunk_of(connection, one)
    at = await connection.fetchval("SELECT now()")
    for _ in range(2):
        await messages.claim(ours, worker, token=token, chunk_id=chunk, limit=500)
        chunk = await rows.chunk_of(connection, one) + 1_000
        await messages.put_back(ours, [(one, at, "x")], token=token, chunk_id=chunk)
    await messages.claim(ours, worker, token=token, chunk_id=chunk, limit=500)
    started = await messages.start(ours, [Start(one, token, "t", 1)], platform="p", worker_id=worker)
    await messages.record(ours, [rows.outcome(one, started[one], platform_id=str(one))], chunk_id=1)
    moved = await messages.apply_events(ours, [Move(one, Event.RECEIPT_DELIVERED)], actor="receipt")
    assert [item.message_id for item in moved] == [one]


async def reads(connection, ours, first_id):
    before = await _read(connection, ours)
    await hand_over(connection, ours, first_id)
    return await _read(connection, ours) - before


async def _read(connection, ours):
    for each in (ours, connection):
        await each.execute("SELECT pg_stat_force_next_flush()")
    return await connection.fetchval(_READ)


async def test_a_plan_of_an_empty_table_is_not_kept_once_it_has_grown(pool, connection, ours):
    await connection.execute("VACUUM ANALYZE messages")
    await hand_over(connection, ours, 1)
    few = await reads(connection, ours, 2)
    await connection.execute(history._MESSAGES, 100, MANY, uuid4())
    await sweep.look_at_growth(pool)
    await hand_over(connection, ours, 3)
    assert await reads(connection, ours, 4) < few + 100


async def test_what_has_not_grown_is_left_alone(pool, connection):
    await connection.execute(history._MESSAGES, 100, MANY, uuid4())
    assert "messages" in await growth.find_grown(connection)
    await sweep.look_at_growth(pool)
    assert await growth.find_grown(connection) == []
