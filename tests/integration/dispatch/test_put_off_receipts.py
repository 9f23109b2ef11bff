"""What platforms tell while a table is locked, or while several receipts are refused only together."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.dispatch.test_intake import PLATFORM, call
from tests.integration.dispatch.test_receipts import handed_over, keep
from tests.support import rows

from disparo.db import pool as pools
from disparo.db import receipts as table
from disparo.dispatch.intake import Intake
from disparo.dispatch.receipts import apply_waiting

pytestmark = pytest.mark.anyio
CALLS = 12


@pytest.fixture
async def impatient(pool, monkeypatch):
    """Sessions that wait half a second for a lock."""
    monkeypatch.setitem(pools._SESSION, "lock_timeout", "500ms")
    await pool.expire_connections()
    return pool


async def test_calls_wait_for_a_locked_table_together_and_not_one_after_the_other(
    impatient, connection, monkeypatch
):
    """All are known, and those that could not be applied are kept."""
    ids = [await handed_over(connection, f"id-{n}", first_id=n + 1) for n in range(CALLS)]
    intake, tried = Intake(impatient), []
    commit = intake._commit
    monkeypatch.setattr(intake, "_commit", lambda calls: tried.append(len(calls)) or commit(calls))
    async with connection.transaction():
        await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        calls = [intake.take(PLATFORM, call(id=f"id-{n}", status="DELIVRD")) for n in range(CALLS)]
        waiting = asyncio.gather(*calls)
        await asyncio.sleep(0)  # they stand in line, all of them before anything is stored
        storing = asyncio.create_task(intake.run())
        await waiting
    storing.cancel()
    assert tried == [CALLS, 1, 1]
    assert await connection.fetchval("SELECT count(*) FROM receipts WHERE applied_at IS NULL") == CALLS
    assert await apply_waiting(impatient) == CALLS
    assert await rows.statuses(connection, ids) == ["delivered"] * CALLS


async def test_receipts_that_are_refused_only_together_do_not_slow_the_whole_backlog(
    pool, connection, monkeypatch
):
    """As many as were refused are tried alone, and then the others as always."""
    monkeypatch.setattr("disparo.dispatch.receipts._AT_ONCE", 3)
    ids = [await handed_over(connection, f"id-{n}", first_id=n + 1) for n in range(9)]
    for n in range(9):
        await keep(connection, "delivered", f"id-{n}")
    await connection.execute(
        f"""CREATE FUNCTION crowd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF (SELECT count(*) FROM changed WHERE id <= {ids[2]}) > 1 THEN RAISE check_violation; END IF;
                RETURN NULL; END $$;
            CREATE TRIGGER crowd AFTER UPDATE ON messages REFERENCING NEW TABLE AS changed
                FOR EACH STATEMENT EXECUTE FUNCTION crowd()"""
    )
    looked, lock = [], table.lock_waiting

    async def locking(*args, **kwargs):
        looked.append(kwargs["limit"])
        return await lock(*args, **kwargs)

    monkeypatch.setattr(table, "lock_waiting", locking)
    try:
        assert await apply_waiting(pool) == 9
    finally:
        await connection.execute("DROP FUNCTION crowd CASCADE")
    assert looked == [3, 1, 1, 1, 3, 3, 3]
    assert await rows.statuses(connection, ids) == ["delivered"] * 9
