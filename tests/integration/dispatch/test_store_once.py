"""A run whose COMMIT got no answer is told of truly: stored, not stored, or not known."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from tests.support import bulk, rows
from tests.support.cutter import Cutter

from disparo.db.idempotency import Key
from disparo.db.pool import open_pool
from disparo.dispatch import store_once
from disparo.dispatch.bulk import RunOrder, Selection, accept_run
from disparo.dispatch.group_commit import Busy, FateUnknown

pytestmark = pytest.mark.anyio

KEY = Key(1, 1, "lote", "noite", b"the same words")


def accept(pool, key=None):
    return accept_run(
        pool,
        RunOrder(Selection([1, 2]), "test"),
        bulk.SETTINGS,
        key=key,
        render=lambda stored: str(stored.dispatch_id).encode(),
    )


@asynccontextmanager
async def cut_pool(dsn, when=None):
    """A pool of one connection whose next COMMIT is lost, or its answer."""
    cutter = Cutter(dsn)
    await cutter.start()
    async with open_pool(cutter.dsn, size=1) as pool:
        cutter.cut = when
        yield pool, cutter
    cutter.stop()


async def runs(connection):
    return [str(row["id"]) for row in await connection.fetch("SELECT id FROM dispatches")]


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_run_whose_commit_got_no_answer_is_one_and_told_of(dsn, connection, when, key):
    await rows.add_invoices(connection, 2)
    async with cut_pool(dsn, when) as (pool, _):
        answer = await accept(pool, key)
    assert await runs(connection) == [answer.response.decode()]


async def test_after_a_lost_commit_a_passing_fault_is_no_proof_that_nothing_is_stored(dsn, connection):
    """As after a fail-over: the sessions that follow are read-only for a while."""
    await rows.add_invoices(connection, 2)
    name = urlsplit(dsn).path.lstrip("/")
    async with cut_pool(dsn, "after") as (pool, _):
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        accepting = asyncio.create_task(accept(pool))
        await asyncio.wait({accepting}, timeout=1.5)
        await connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        answer = await accepting
    assert await runs(connection) == [answer.response.decode()]


async def test_a_fate_that_stays_unknown_is_said_to_be_unknown(dsn, connection, monkeypatch):
    await rows.add_invoices(connection, 2)
    monkeypatch.setattr(store_once, "FATE_PATIENCE_S", 0.5)
    name = urlsplit(dsn).path.lstrip("/")
    async with cut_pool(dsn, "after") as (pool, _):
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        with pytest.raises(FateUnknown):
            await accept(pool)
    assert len(await runs(connection)) == 1


async def test_a_connection_lost_before_any_commit_is_busy_at_once(dsn, connection):
    async with cut_pool(dsn) as (pool, cutter):
        cutter.is_shut = True
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        began = time.monotonic()
        with pytest.raises(Busy):
            await accept(pool)
    assert time.monotonic() - began < store_once.FATE_PATIENCE_S / 2
    assert await runs(connection) == []
