"""Who is recorded makes place for others, whose starts are committed in the same transaction."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tests.integration.dispatch.test_places import Answering, handing_over, until_answered

from disparo.dispatch import recorder

pytestmark = pytest.mark.anyio
COUNT = 500  # of one chunk

#: Transactions by what they did: the events of each, whatever its rows were since.
TOGETHER = """SELECT count(*) FROM (
    SELECT FROM message_events GROUP BY xmin::text
    HAVING bool_or(to_status = 'accepted') AND bool_or(to_status = 'sending')) both_in_one"""


async def counts(connection):
    found = await connection.fetch("SELECT status, count(*) AS n FROM messages GROUP BY status")
    return {row["status"]: row["n"] for row in found}


async def test_a_start_that_takes_a_recorded_ones_place_is_committed_with_it(pool, connection):
    platform = Answering(0, places=None)
    async with handing_over(pool, connection, platform, COUNT):
        await until_answered(platform, COUNT)
    assert await counts(connection) == {"accepted": COUNT}
    assert await connection.fetchval(TOGETHER) > 5


async def test_what_all_workers_share_is_asked_for_first(pool, connection):
    platform = Answering(0, places=50)
    async with handing_over(pool, connection, platform, COUNT):
        await until_answered(platform, COUNT)
    assert await counts(connection) == {"accepted": COUNT}
    assert await connection.fetchval(TOGETHER) == 0


async def test_never_more_than_a_window_is_started_and_not_recorded(pool, connection):
    platform, most = Answering(0, places=None), 0
    async with handing_over(pool, connection, platform, COUNT):
        async with asyncio.timeout(30):
            while platform.answered < COUNT:
                most = max(most, (await counts(connection)).get("sending", 0))
    assert 0 < most <= platform.capabilities.window


async def test_who_records_waits_for_no_message_that_somebody_else_changes(pool, connection, dsn):
    platform, other = Answering(0, places=None), await asyncpg.connect(dsn)
    async with handing_over(pool, connection, platform, COUNT):
        await until_answered(platform, 20)
        async with other.transaction():
            last = await other.fetchval("SELECT max(id) FROM messages WHERE status = 'claimed'")
            await other.execute("SELECT FROM messages WHERE id = $1 FOR UPDATE", last)
            await until_answered(platform, COUNT - 1)
            async with asyncio.timeout(5):
                while (await counts(connection)).get("accepted", 0) < COUNT - 1:
                    await asyncio.sleep(0.02)
    await other.close()
    assert await counts(connection) == {"accepted": COUNT - 1, "claimed": 1}  # the audit gives it back


def fail_once(monkeypatch, error, *, committed):
    """The first transaction with starts in it ends with `error`, before or after its commit; gives their ids."""
    failed, lost = [], []
    start, leave = recorder._start, asyncpg.transaction.Transaction.__aexit__

    async def failing_start(connection, group):
        found = await start(connection, group)
        if not failed:
            failed.extend(found)
            if not committed:
                raise error
            lost.append(asyncio.current_task())
        return found

    async def lost_answer(self, *how):
        await leave(self, *how)
        if lost and lost[0] is asyncio.current_task():
            lost.clear()
            raise error

    monkeypatch.setattr(recorder, "_start", failing_start)
    monkeypatch.setattr(asyncpg.transaction.Transaction, "__aexit__", lost_answer)
    return failed


async def test_where_the_starts_fail_the_outcomes_are_recorded_all_the_same(pool, connection, monkeypatch):
    platform = Answering(0, places=None)
    failed = fail_once(monkeypatch, asyncpg.DeadlockDetectedError("x"), committed=False)
    async with handing_over(pool, connection, platform, COUNT):
        await until_answered(platform, COUNT - 50)
    assert await counts(connection) == {"accepted": COUNT - len(failed), "claimed": len(failed)}
    assert 0 < len(failed) <= 50
    assert await connection.fetchval("SELECT count(*) FROM attempts") == platform.held == COUNT - len(failed)


async def test_a_start_whose_commit_was_not_answered_is_not_written(pool, connection, monkeypatch):
    platform = Answering(0, places=None)
    failed = fail_once(monkeypatch, asyncpg.ConnectionDoesNotExistError("x"), committed=True)
    async with handing_over(pool, connection, platform, COUNT):
        await until_answered(platform, COUNT - 50)
        async with asyncio.timeout(10):
            while (await counts(connection)).get("queued", 0) + platform.answered < COUNT:
                await asyncio.sleep(0.02)
    assert failed
    waiting = await connection.fetch("SELECT id FROM messages WHERE status = 'queued'")
    assert {row["id"] for row in waiting} == set(failed)
    unwritten = "SELECT count(*) FROM attempts WHERE outcome = 'not_started'"
    assert await connection.fetchval(unwritten) == len(failed)
    assert platform.held == COUNT - len(failed)
