"""A process that starts on an up-to-date database waits for nobody, and nobody waits for it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from disparo import queue
from disparo.db import pool
from disparo.db.migrate import wait_for_turn
from disparo.db.pool import connect
from disparo.dispatch.prepare import prepare
from disparo.errors import DatabaseUnavailable

pytestmark = pytest.mark.anyio
#: A frozen process has begun to use these: PostgreSQL keeps its locks, and gives whoever comes for more a place
#: behind it, and everybody else one behind that.
USED = "SELECT count(*) FROM pgqueuer, pgqueuer_log"


async def test_a_frozen_process_that_uses_the_queue_holds_up_no_start(dsn, connection):
    frozen = await asyncpg.connect(dsn)  # which no timeout of ours ends
    async with frozen.transaction():
        await frozen.execute(USED)
        async with asyncio.timeout(30):
            assert await prepare(dsn)
            await queue.enqueue(connection, [queue.WakeUp(1)])
    await frozen.close()


async def test_one_that_was_frozen_while_it_started_holds_up_no_other_start(dsn):
    frozen = await connect(dsn)
    await wait_for_turn(frozen)
    async with asyncio.timeout(30):
        assert await prepare(dsn)
    await frozen.close()


async def test_tables_of_another_release_are_brought_up_to_this_ones(dsn, connection):
    assert await queue.is_up_to_date(connection)
    await connection.execute("COMMENT ON TABLE pgqueuer IS 'pgqueuer 0.1, disparo 00000000'")
    assert not await queue.is_up_to_date(connection)
    assert await prepare(dsn)
    assert await queue.is_up_to_date(connection)


async def test_who_has_to_change_tables_beside_a_frozen_process_says_so_soon(dsn, connection, monkeypatch):
    monkeypatch.setitem(pool._SESSION, "lock_timeout", "300ms")
    await connection.execute("COMMENT ON TABLE pgqueuer IS NULL")
    frozen = await asyncpg.connect(dsn)  # which no timeout of ours ends
    async with frozen.transaction():
        await frozen.execute(USED)
        async with asyncio.timeout(10):
            with pytest.raises(DatabaseUnavailable, match="Outro programa está com as tabelas"):
                await prepare(dsn)
            await queue.enqueue(connection, [queue.WakeUp(1)])
    assert await prepare(dsn)
    await frozen.close()


async def test_without_the_engines_tables_there_is_something_to_do(empty_dsn):
    connection = await asyncpg.connect(empty_dsn)
    assert not await queue.is_up_to_date(connection)
    await connection.close()
