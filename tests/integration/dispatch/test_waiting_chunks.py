"""`waiting_chunks` says where messages wait, so that no index of `messages` need say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.support import bulk, rows
from tests.support.hands import a_handover

from disparo import queue
from disparo.db import chunks, messages, migrate, unsettled
from disparo.db.messages import Recorded, Start
from disparo.db.pool import connect
from disparo.dispatch import sweep, takeover
from disparo.dispatch.prepare import prepare
from disparo.domain.message import Event
from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

NEW = 4711


async def waiting(connection):
    return {row["chunk_id"] for row in await connection.fetch("SELECT chunk_id FROM waiting_chunks")}


async def claimed(connection, count=1):
    worker, token = await rows.add_worker(connection), uuid4()
    ids = await rows.add_messages(connection, count)
    chunk = await rows.chunk_of(connection, ids[0])
    await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500)
    return worker, token, ids, chunk


def not_taken(attempt_id, message_id):
    return Recorded(
        attempt_id=attempt_id,
        message_id=message_id,
        platform="p",
        outcome="not_taken",
        event=Event.OUTCOME_NOT_TAKEN,
        platform_id=None,
        code=None,
        detail=None,
        failure=None,
        latency_ms=1,
        segments=None,
        retry_s=1.0,
    )


@pytest.mark.anyio
async def test_a_chunk_is_there_from_its_first_message_until_none_of_it_waits(connection):
    worker = await rows.add_worker(connection)
    ids = await rows.add_messages(connection, 3)
    chunk = await rows.chunk_of(connection, ids[0])
    assert await waiting(connection) == {chunk}
    await chunks.end(connection, chunk)
    assert await waiting(connection) == {chunk}
    await messages.claim(connection, worker, token=uuid4(), chunk_id=chunk, limit=2)
    await chunks.end(connection, chunk)
    assert await waiting(connection) == {chunk}
    await messages.claim(connection, worker, token=uuid4(), chunk_id=chunk, limit=2)
    await chunks.end(connection, chunk)
    assert await waiting(connection) == set()


@pytest.mark.anyio
async def test_what_is_put_back_waits_from_the_first_of_its_times(connection):
    _, token, ids, _ = await claimed(connection, 3)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    times = [soon + timedelta(hours=2), soon, soon + timedelta(hours=1)]
    waits = [(id_, at, "x") for id_, at in zip(ids, times, strict=True)]
    assert await messages.put_back(connection, waits, token=token, chunk_id=NEW) == [NEW]
    due = await connection.fetchval("SELECT due_at FROM waiting_chunks WHERE chunk_id = $1", NEW)
    assert due == soon


@pytest.mark.anyio
async def test_what_a_platform_did_not_take_waits_in_another_chunk(connection):
    worker, token, ids, chunk = await claimed(connection, 2)
    await chunks.end(connection, chunk)
    starts = [Start(id_, token, "texto", 1) for id_ in ids]
    started = await messages.start(connection, starts, platform="p", worker_id=worker)
    assert await waiting(connection) == set()
    results = [not_taken(attempt_id, id_) for id_, attempt_id in started.items()]
    await messages.record(connection, results, chunk_id=NEW)
    assert await waiting(connection) == {NEW}


@pytest.mark.anyio
async def test_what_is_due_later_than_others_of_its_chunk_is_woken_then(connection, pool):
    """The entry is the first one's: the others waited for the sweep, five to ten seconds more."""
    worker, token, ids, chunk = await claimed(connection, 3)
    await chunks.end(connection, chunk)
    starts = [Start(id_, token, "texto", 1) for id_ in ids]
    started = await messages.start(connection, starts, platform="p", worker_id=worker)
    waits_s = dict(zip(ids, (15.0, 15.5, 20.0), strict=True))
    results = [not_taken(attempt, id_)._replace(retry_s=waits_s[id_]) for id_, attempt in started.items()]
    await messages.record(connection, results, chunk_id=NEW)
    await queue.enqueue(connection, [queue.WakeUp(NEW)])
    await connection.execute(f"UPDATE {queue.table()} SET status = 'picked'")
    async with a_handover(pool, connection) as handover:
        table = read_table("p", {"url": "http://127.0.0.1:1/"})
        handover.use({"p": GenericHttp("p", table)}, [Route("p")], bulk.RULES)
        await handover.handle_entry(NEW, urgent=True)
    due = [await connection.fetchval("SELECT due_at FROM messages WHERE id = $1", id_) for id_ in ids]
    (wakes_at,) = [
        row["execute_after"]
        for row in await connection.fetch(
            f"SELECT execute_after FROM {queue.table()} WHERE status = 'queued'"
        )
    ]
    assert due[1] <= wakes_at + timedelta(milliseconds=1) < due[2], "those of one second together"


@pytest.mark.anyio
@pytest.mark.parametrize("due_in_s", [-60, 3600])
async def test_what_could_not_be_claimed_or_is_due_much_later_is_left_to_the_sweep(connection, due_in_s):
    """The one entry of its chunk, an hour away, would swallow what makes it due before."""
    ids = await rows.add_messages(connection, 1, due_in_s=due_in_s)
    assert await chunks.next_due_in_s(connection, await rows.chunk_of(connection, ids[0])) is None


@pytest.mark.anyio
async def test_what_is_taken_over_waits_in_another_chunk(connection):
    worker, _, ids, chunk = await claimed(connection, 2)
    await chunks.end(connection, chunk)
    async with connection.transaction():
        await takeover.take_over(connection, worker, beat=0)
    assert await waiting(connection) == {await rows.chunk_of(connection, ids[0])} != {chunk}


@pytest.mark.anyio
async def test_the_tidying_strikes_off_only_what_is_long_due_and_empty(connection, pool):
    empty = [await rows.add_messages(connection, 1, first_id=1 + n) for n in range(2)]
    full = await rows.add_messages(connection, 1, first_id=10)
    await connection.execute(
        "UPDATE messages SET due_at = now() - interval '1 hour' WHERE id = ANY($1)", [*empty[0], *full]
    )
    await connection.execute(
        "UPDATE messages SET status = 'cancelled' WHERE id = ANY($1)", [*empty[0], *empty[1]]
    )
    await sweep.end_emptied(pool)
    left = [await rows.chunk_of(connection, id_) for id_ in (*empty[1], *full)]
    assert await waiting(connection) == set(left)


@pytest.mark.anyio
async def test_all_that_waits_or_is_in_hand_is_held_after_a_restore(connection):
    worker, token, ids, chunk = await claimed(connection, 2)
    await chunks.end(connection, chunk)
    await messages.start(connection, [Start(ids[0], token, "texto", 1)], platform="p", worker_id=worker)
    waiting = await rows.add_messages(connection, 2, first_id=10, due_in_s=3600)
    assert await unsettled.hold_waiting(connection, reason="restored") == (3, 1)
    assert await rows.statuses(connection, [*ids, *waiting]) == ["uncertain", "held", "held", "held"]


@pytest.mark.anyio
async def test_what_waits_when_the_schema_changes_is_found_after(empty_dsn):
    await migrate._run_alembic(empty_dsn, "0012")
    connection = await connect(empty_dsn)
    queued = await rows.add_messages(connection, 2, due_in_s=-60)
    gone = await rows.add_messages(connection, 1, first_id=10)
    await connection.execute("UPDATE messages SET status = 'delivered' WHERE id = $1", gone[0])
    await connection.close()
    await prepare(empty_dsn)
    connection = await connect(empty_dsn)
    chunk = await rows.chunk_of(connection, queued[0])
    assert await waiting(connection) == {chunk}
    assert await chunks.list_due(connection, overdue_s=5, limit=10) == [chunk]
    await connection.close()
