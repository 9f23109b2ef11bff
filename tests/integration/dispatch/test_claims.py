"""`claims` says where the messages are that a worker has in hand, and updates of those touch no index."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from tests.support import rows

from disparo.db import figures, messages, migrate, workers
from disparo.db.messages import Start
from disparo.db.pool import connect
from disparo.dispatch import takeover
from disparo.dispatch.prepare import prepare

_UPDATES = """SELECT n_tup_upd AS updated, n_tup_hot_upd AS in_place
              FROM pg_stat_user_tables WHERE relname = 'messages'"""


async def claim(connection, worker, ids, *, token=None):
    chunk = await rows.chunk_of(connection, ids[0])
    return await messages.claim(connection, worker, token=token or uuid4(), chunk_id=chunk, limit=500)


async def tokens(connection):
    return {row["token"] for row in await connection.fetch("SELECT token FROM claims")}


@pytest.mark.anyio
async def test_a_claim_is_on_record_as_long_as_something_of_it_is_in_hand(connection):
    worker, token = await rows.add_worker(connection), uuid4()
    ids = await rows.add_messages(connection, 2)
    assert await claim(connection, worker, ids, token=token) == ids
    await messages.forget_claims(connection, worker, set())
    assert await tokens(connection) == {token}
    await connection.execute("UPDATE messages SET status = 'sending' WHERE id = $1", ids[0])
    await connection.execute("UPDATE messages SET status = 'accepted' WHERE id = $1", ids[1])
    await messages.forget_claims(connection, worker, set())
    assert await tokens(connection) == {token}
    assert await figures.in_flight(connection) == {None: 1}
    await connection.execute("UPDATE messages SET status = 'accepted'")
    await messages.forget_claims(connection, worker, {token})
    assert await tokens(connection) == {token}  # the worker still works on it
    await messages.forget_claims(connection, worker, set())
    assert await tokens(connection) == set()


@pytest.mark.anyio
async def test_a_claim_that_finds_nothing_or_comes_from_the_dead_is_not_on_record(connection):
    ids = await rows.add_messages(connection)
    gone = await rows.add_worker(connection)
    await workers.remove(connection, gone)
    assert await claim(connection, gone, ids) == []
    other = await rows.add_worker(connection)
    assert await claim(connection, other, ids) == ids
    assert await claim(connection, other, ids) == []
    assert len(await tokens(connection)) == 1


@pytest.mark.anyio
async def test_what_two_workers_claim_at_once_is_the_first_ones_and_nobody_waits(connection, dsn):
    """A queue entry may run twice: by two workers, in the same moment."""
    ids = await rows.add_messages(connection, 2)
    first, second, theirs = await rows.add_worker(connection), await rows.add_worker(connection), uuid4()
    other = await connect(dsn)
    try:
        async with asyncio.timeout(10), other.transaction():
            assert await claim(other, first, ids, token=theirs) == ids
            assert await claim(connection, second, ids) == []
    finally:
        await other.close()
    assert await connection.fetch("SELECT DISTINCT worker_id, claim_token FROM messages") == [(first, theirs)]


@pytest.mark.anyio
async def test_what_is_taken_over_is_found_in_every_chunk_and_struck_off(connection):
    dead = await rows.add_worker(connection)
    chunks = [await rows.add_messages(connection, 2, first_id=1 + 10 * number) for number in range(3)]
    for ids in chunks:
        await claim(connection, dead, ids)
    alive = await rows.add_worker(connection)
    others = await rows.add_messages(connection, 1, first_id=100)
    kept = uuid4()
    await claim(connection, alive, others, token=kept)
    async with connection.transaction():
        assert await takeover.take_over(connection, dead, beat=0) == 6
    assert await rows.statuses(connection, [id_ for ids in chunks for id_ in ids]) == ["queued"] * 6
    assert await rows.statuses(connection, others) == ["claimed"]
    assert await tokens(connection) == {kept}


@pytest.mark.anyio
async def test_no_index_of_messages_names_what_changes_on_the_way(connection):
    """Else PostgreSQL enters each change of each message in every index of the table."""
    changing = {
        *("status", "reason", "actor", "changed_at", "worker_id", "claim_token", "attempt_id", "tries"),
        *("not_taken", "crashes", "platform", "platform_id", "segments", "text"),
    }
    rows_ = await connection.fetch(
        """SELECT DISTINCT a.attname FROM pg_index i
           JOIN pg_depend d ON d.objid = i.indexrelid AND d.refobjid = i.indrelid
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid
           WHERE i.indrelid = 'messages'::regclass"""
    )
    named = {row["attname"] for row in rows_}
    assert {"trouble", "chunk_id"} <= named
    assert not named & changing


@pytest.mark.anyio
async def test_pages_keep_room_for_what_their_messages_become(connection):
    """Else many of the texts take their message to another page, and into every index once more."""
    worker, token = await rows.add_worker(connection), uuid4()
    ids = await rows.add_messages(connection, 200)
    before = await connection.fetchrow(_UPDATES)
    assert len(await claim(connection, worker, ids, token=token)) == 200
    for first in range(0, 200, 25):
        starts = [Start(each, token, "Sua fatura vence amanha. " * 6, 1) for each in ids[first : first + 25]]
        begun = await messages.start(connection, starts, platform="p", worker_id=worker)
        results = [rows.outcome(each, attempt) for each, attempt in begun.items()]
        await messages.record(connection, results, chunk_id=1)
    await connection.execute("SELECT pg_stat_force_next_flush()")
    after = await connection.fetchrow(_UPDATES)
    assert after["updated"] - before["updated"] == 600
    assert after["in_place"] - before["in_place"] > 560


@pytest.mark.anyio
async def test_what_is_in_hand_when_the_schema_changes_is_on_record_after(empty_dsn):
    await migrate._run_alembic(empty_dsn, "0008")
    connection = await connect(empty_dsn)
    ids = await rows.add_messages(connection, 2)
    worker, token = await rows.add_worker(connection), uuid4()
    await connection.execute(
        "UPDATE messages SET status = 'claimed', worker_id = $1, claim_token = $2 WHERE id = $3",
        worker,
        token,
        ids[0],
    )
    await connection.close()
    await prepare(empty_dsn)
    connection = await connect(empty_dsn)
    assert await tokens(connection) == {token}
    started = await messages.start(
        connection, [Start(ids[0], token, "texto", 1)], platform="p", worker_id=worker
    )
    assert list(started) == [ids[0]]
    assert len(await messages.held_by(connection, worker)) == 1
    await connection.close()
