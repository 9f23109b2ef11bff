"""Who is recorded makes place for others, whose starts are committed in the same transaction."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tests.integration.dispatch.test_places import Answering, Holding, handing_over, until_answered
from tests.support import rows

from disparo.dispatch import recorder

pytestmark = pytest.mark.anyio
COUNT = 500  # of one chunk

#: Transactions that recorded outcomes and started what goes to two platforms.
OF_BOTH = """SELECT count(*) FROM (
    SELECT FROM message_events e JOIN attempts a USING (message_id) GROUP BY e.xmin::text
    HAVING bool_or(e.to_status = 'accepted')
       AND count(DISTINCT a.platform) FILTER (WHERE e.to_status = 'sending') = 2) of_both"""


async def counts(connection):
    found = await connection.fetch("SELECT status, count(*) AS n FROM messages GROUP BY status")
    return {row["status"]: row["n"] for row in found}


async def test_a_start_that_takes_a_recorded_ones_place_is_committed_with_it(pool, connection):
    platform = Answering(0, places=None)
    async with handing_over(pool, connection, platform, COUNT):
        await until_answered(platform, COUNT)
    assert await counts(connection) == {"accepted": COUNT}
    assert await rows.starts_with_records(connection) > 5


async def test_what_all_workers_share_is_asked_for_first(pool, connection):
    platform = Answering(0, places=50)
    async with handing_over(pool, connection, platform, COUNT):
        await until_answered(platform, COUNT)
    assert await counts(connection) == {"accepted": COUNT}
    assert await rows.starts_with_records(connection) == 0


async def test_never_more_than_a_window_is_started_and_not_recorded(pool, connection):
    platform, most = Answering(0, places=None), 0
    async with handing_over(pool, connection, platform, COUNT):
        async with asyncio.timeout(30):
            while platform.answered < COUNT:
                most = max(most, (await counts(connection)).get("sending", 0))
    assert 0 < most <= platform.capabilities.window


async def test_who_records_waits_for_no_message_that_somebody_else_changes(pool, connection, dsn):
    platform, other = Holding(), await asyncpg.connect(dsn)
    async with handing_over(pool, connection, platform, COUNT), asyncio.timeout(30):
        while platform.held < platform.capabilities.window:  # the others are claimed, and wait for these
            await asyncio.sleep(0.02)
        async with other.transaction():
            last = await other.fetchval("SELECT max(id) FROM messages WHERE status = 'claimed'")
            await other.execute("SELECT FROM messages WHERE id = $1 FOR UPDATE", last)
            platform.let_go.set()
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


async def test_what_two_platforms_give_back_is_taken_in_one_transaction(pool, connection):
    one, other = Holding(), Holding(name="q")
    async with handing_over(pool, connection, one, COUNT, other), asyncio.timeout(30):
        while one.held + other.held < one.capabilities.window + other.capabilities.window:
            await asyncio.sleep(0.02)
        one.let_go.set()
        other.let_go.set()
        while one.held + other.held < COUNT:
            await asyncio.sleep(0.02)
    assert await counts(connection) == {"accepted": COUNT}
    assert await connection.fetchval(OF_BOTH) > 0
    for platform in (one, other):
        attempts = "SELECT count(*) FROM attempts WHERE platform = $1"
        assert await connection.fetchval(attempts, platform.name) == platform.held > 0


async def test_a_platform_closed_meanwhile_hands_over_what_was_started_and_no_more(
    pool, connection, monkeypatch
):
    one, other = Answering(0, places=None), Answering(0, places=None, name="q")
    start, closed = recorder._start, []
    async with handing_over(pool, connection, one, COUNT, other) as handover:

        async def closing_start(connection, group):
            found = await start(connection, group)
            if group.platform == one.name and not closed:
                closed.append(one.held + len(found))
                handover.lanes[one.name].close()
            return found

        monkeypatch.setattr(recorder, "_start", closing_start)
        async with asyncio.timeout(30):
            while not closed:
                await asyncio.sleep(0.02)
    assert one.held == closed[0]
    assert other.held > 0
    found = await counts(connection)
    assert found.keys() <= {"accepted", "claimed"}  # the audit gives back what waited at the closed one
    assert found["accepted"] == one.held + other.held
    assert await connection.fetchval("SELECT count(*) FROM attempts") == found["accepted"]
