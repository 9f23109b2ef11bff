"""What our sessions are, whatever the database's owner has set, and whatever lies between."""

from __future__ import annotations

import asyncio
import socket

import asyncpg
import pytest
from tests.conftest import run_admin
from tests.support.cutter import Cutter

from disparo.db.pool import connect, connected, open_pool

pytestmark = pytest.mark.anyio


@pytest.fixture
async def set_for_others(admin_dsn, connection):
    """The owner's own settings, meant for whoever types statements there."""
    role, database = await connection.fetchrow("SELECT current_user, current_database()")
    for setting in (
        "statement_timeout = '20ms'",
        "idle_session_timeout = '1min'",
        "default_transaction_isolation = 'serializable'",
        "standard_conforming_strings = off",
        *(["transaction_timeout = '50ms'"] if connection.get_server_version()[0] >= 17 else []),
    ):
        run_admin(admin_dsn, f"ALTER ROLE {role} IN DATABASE {database} SET {setting}")
    yield
    run_admin(admin_dsn, f"ALTER ROLE {role} IN DATABASE {database} RESET ALL")


async def _outlives_them(connection):
    assert await connection.fetchval("SELECT pg_sleep(0.1)::text") == ""
    assert await connection.fetchval("SHOW idle_session_timeout") == "0"
    assert await connection.fetchval("SHOW standard_conforming_strings") == "on"
    assert await connection.fetchval("SHOW transaction_isolation") == "read committed"


async def test_what_is_set_for_the_role_ends_nothing_of_ours(dsn, set_for_others):
    """A short `statement_timeout` ended an upgrade, an import or `retomar` each time they were begun again; a
    `transaction_timeout` did, and with `standard_conforming_strings` off patterns meant something else."""
    others = await asyncpg.connect(dsn)
    with pytest.raises((asyncpg.QueryCanceledError, asyncpg.PostgresConnectionError)):
        await others.fetchval("SELECT pg_sleep(0.1)")
    others.terminate()

    async with connected(dsn) as alone:
        await _outlives_them(alone)
    async with open_pool(dsn, size=1) as pool, pool.acquire() as pooled:
        await _outlives_them(pooled)


def _patience(connection):
    """For how many seconds its other end may be silent; None: for hours."""
    line = connection._transport.get_extra_info("socket")
    if not line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE):
        return None
    unread_s = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) / 1000
    idle_s = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
    return unread_s + idle_s if unread_s else None


async def test_a_line_that_was_cut_without_a_word_is_given_up_in_seconds(dsn):
    """A firewall that forgot its connections kept all of them waiting for a minute or two: nothing was sent."""
    way = Cutter(dsn)
    await way.start()
    try:
        alone = await connect(way.dsn)
        assert 10 <= _patience(alone) <= 30
        await alone.close()
        async with open_pool(way.dsn, size=1) as pool, pool.acquire() as pooled:
            assert 10 <= _patience(pooled._con) <= 30
    finally:
        way.stop()


async def test_a_line_that_confirms_and_hands_on_nothing_is_dropped_with_those_beside_it(dsn, monkeypatch):
    """Calls waited a minute for their 503, and each connection of every pool had to be found out by itself."""
    monkeypatch.setattr("disparo.db.silent_lines._CANCELLED_WITHIN_S", 0.3)
    way = Cutter(dsn)
    await way.start()
    async with (
        open_pool(way.dsn, size=1, name="one", whole=True) as one,
        open_pool(way.dsn, size=1, name="other", whole=True) as other,
    ):
        before = await other.fetchval("SELECT pg_backend_pid()")
        way.is_silent = True
        async with asyncio.timeout(10):
            with pytest.raises(TimeoutError):
                await one.fetchval("SELECT 1", timeout=0.3)
        way.is_silent = False
        assert await one.fetchval("SELECT 1") == 1
        assert await other.fetchval("SELECT pg_backend_pid()") != before
    way.stop()


async def test_a_statement_that_is_given_up_and_ends_costs_no_connection(dsn):
    async with open_pool(dsn, size=1) as pool:
        before = await pool.fetchval("SELECT pg_backend_pid()")
        with pytest.raises(TimeoutError):
            await pool.fetchval("SELECT pg_sleep(30)", timeout=0.1)
        assert await pool.fetchval("SELECT pg_backend_pid()") == before
