"""What a hand-over reads grows with it, and not with the tables, however small they were when it was planned."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.support import rows

from disparo.db import messages, numbers, workers
from disparo.db.messages import Move, Recorded, Start
from disparo.domain.message import Event

MANY = 3_000
pytestmark = pytest.mark.anyio


async def _hand_over(ours, worker_id, chunk_id, *, count=10):
    """Claim a chunk's messages; put half of them back, start and record the others, and move those on."""
    token = uuid4()
    ids = await messages.claim(ours, worker_id, token=token, chunk_id=chunk_id, limit=count)
    assert len(ids) == count
    back, gone = ids[::2], ids[1::2]
    now = await ours.fetchval("SELECT now()")
    await messages.put_back(ours, [(id_, now, "x") for id_ in back], token=token, chunk_id=chunk_id)
    starts = [Start(id_, token, "text", 1) for id_ in gone]
    started = await messages.start(ours, starts, platform="p", worker_id=worker_id)
    results = [
        Recorded(attempt, id_, "p", "accepted", Event.OUTCOME_ACCEPTED, None, None, None, None, 1, 1, 0.0)
        for id_, attempt in started.items()
    ]
    assert len(await messages.record(ours, results, chunk_id=chunk_id)) == len(gone) > 0
    moves = [Move(id_, Event.RECEIPT_DELIVERED, None) for id_ in gone]
    assert len(await messages.apply_events(ours, moves, actor="test")) == len(gone)
    await numbers.fill_slice(ours)


async def _small(connection, ours, worker_id):
    """Have all statements planned for the real tables while they hold ten rows, and PostgreSQL knows it."""
    await rows.add_messages(connection, 10, chunk_id=1)
    for table in ("messages", "attempts", "customers", "invoices", "dispatches"):
        await connection.execute(f"VACUUM ANALYZE {table}")
    await _hand_over(ours, worker_id, 1)


async def test_a_plan_made_for_ten_rows_reads_no_more_when_there_are_thousands(connection, ours):
    worker_id = uuid4()
    await workers.register(connection, worker_id, host="here", pid=1)
    await _small(connection, ours, worker_id)
    await rows.add_messages(connection, MANY, chunk_id=2, first_id=1_000, due_in_s=86_400)
    await connection.execute("UPDATE customers SET sms_numbers = '{}' WHERE id >= 1000")
    await rows.add_messages(connection, 10, chunk_id=3, first_id=500_000)
    async with ours.transaction():
        await _hand_over(ours, worker_id, 3)
        assert await _read_more(ours, MANY // 4) == []


async def test_what_is_planned_beside_thousands_looks_each_message_up_a_few_times(connection, ours):
    """It looked all those of a call up for each of them: of fifty, a third of what recording cost."""
    worker_id, count = uuid4(), 200
    await workers.register(connection, worker_id, host="here", pid=1)
    await rows.add_messages(connection, MANY, chunk_id=2, first_id=1_000, due_in_s=86_400)
    await rows.add_messages(connection, count, chunk_id=3, first_id=500_000)
    for table in ("messages", "attempts", "customers", "invoices", "dispatches"):
        await connection.execute(f"VACUUM ANALYZE {table}")
    async with ours.transaction():
        await _hand_over(ours, worker_id, 3, count=count)
        assert await _read_more(ours, 15 * count) == []


async def _read_more(ours, number):
    """The tables of which this transaction has read more rows by an index."""
    found = await ours.fetch(
        """SELECT relname, idx_tup_fetch FROM pg_stat_xact_user_tables
           WHERE relname IN ('messages', 'attempts', 'customers') AND idx_tup_fetch > $1""",
        number,
    )
    return [tuple(row) for row in found]
