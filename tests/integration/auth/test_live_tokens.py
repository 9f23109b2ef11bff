"""A token is remembered only while every change is heard of; what was remembered then goes at once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from tests.support.locks import until_somebody_waits

from disparo.auth import live_tokens
from disparo.auth.live_tokens import LiveTokens
from disparo.db import tokens
from disparo.db.tokens import NewPair

pytestmark = pytest.mark.anyio

REVOKE = "UPDATE access_tokens SET revoked_at = now()"


@asynccontextmanager
async def listening(pool, dsn):
    live = LiveTokens(pool, dsn)
    task = asyncio.create_task(live.run())
    try:
        yield live
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def _trusted_for_long(monkeypatch):
    """A beat proves for a minute: however slow the machine is, nothing is asked anew for want of one."""
    monkeypatch.setattr(live_tokens, "_PROOF_HOLDS_S", 60.0)


async def until(condition):
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.fixture
async def jti(connection) -> UUID:
    await connection.execute("INSERT INTO api_clients (name, secret_sha256) VALUES ('a', '')")
    await connection.execute(
        "INSERT INTO users (email, password_hash, permissions) VALUES ('a@example.com', '', '{send}')"
    )
    pair = NewPair(uuid4(), uuid4(), 1, 1, datetime.now(UTC), 600, b"r", 600)
    await tokens.add_pair(connection, pair)
    return pair.jti


async def hide_changes(connection):
    """From here on nobody is told: what is still let in was remembered."""
    for table in ("access_tokens", "users", "api_clients"):
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER tokens_changed")


async def remember(live, jti):
    async def known():
        await live.read_remembered(jti)
        return jti in live._known

    await until(known)


@pytest.mark.usefixtures("_trusted_for_long")
async def test_what_is_known_is_not_asked_for_again(pool, dsn, connection, jti):
    async with listening(pool, dsn) as live:
        await remember(live, jti)
        await hide_changes(connection)
        await connection.execute(REVOKE)
        assert await live.read_remembered(jti) is not None
        assert await live.read(jti) is None


@pytest.mark.usefixtures("_trusted_for_long")
@pytest.mark.parametrize(
    "case",
    [
        (REVOKE, False),
        ("DELETE FROM access_tokens", False),
        ("TRUNCATE access_tokens", False),
        ("UPDATE users SET active = false", False),
        ("UPDATE users SET permissions = '{}'", True),
        ("DELETE FROM users", False),
        ("UPDATE api_clients SET active = false", False),
        ("UPDATE api_clients SET rate_per_s = 1", True),
        ("DELETE FROM api_clients", False),
    ],
)
async def test_every_way_to_change_a_token_is_heard_of(pool, dsn, connection, jti, case):
    change, lives = case
    async with listening(pool, dsn) as live:
        await remember(live, jti)
        before = await live.read_remembered(jti)
        await connection.execute(change)

        async def is_heard():
            return await live.read_remembered(jti) != before

        await until(is_heard)
        assert (await live.read_remembered(jti) is not None) == lives


@pytest.mark.usefixtures("_trusted_for_long")
async def test_with_its_connection_cut_it_asks_and_later_remembers_again(pool, dsn, connection, jti):
    async with listening(pool, dsn) as live:
        await remember(live, jti)
        await hide_changes(connection)
        assert await connection.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'disparo-listener' AND datname = current_database()"
        )
        await connection.execute(REVOKE)

        async def is_dead():
            return await live.read_remembered(jti) is None

        await until(is_dead)
        await connection.execute("UPDATE access_tokens SET revoked_at = NULL")
        await remember(live, jti)


async def test_where_notifications_are_swallowed_nothing_is_remembered(
    pool, dsn, connection, jti, monkeypatch
):
    async def swallowed(*_):
        pass

    monkeypatch.setattr(tokens, "tell", swallowed)
    async with listening(pool, dsn) as live:
        assert await live.read_remembered(jti) is not None
        await hide_changes(connection)
        await connection.execute(REVOKE)
        assert await live.read_remembered(jti) is None


async def test_a_line_that_goes_dead_in_silence_is_trusted_for_moments_only(
    pool, dsn, connection, jti, monkeypatch
):
    async with listening(pool, dsn) as live:
        await remember(live, jti)
        await hide_changes(connection)

        async def silence(*_):
            await asyncio.sleep(60)

        monkeypatch.setattr(tokens, "tell", silence)
        await connection.execute(REVOKE)

        async def is_dead():
            return await live.read_remembered(jti) is None

        await until(is_dead)
    assert live_tokens._PROOF_HOLDS_S < 5


async def test_a_refresh_under_way_does_not_survive_the_revocation(pool, connection):
    await connection.execute("INSERT INTO api_clients (name, secret_sha256) VALUES ('a', '')")
    await connection.execute("INSERT INTO users (email, password_hash) VALUES ('a@example.com', '')")
    family, now = uuid4(), datetime.now(UTC)
    await tokens.add_pair(connection, NewPair(uuid4(), family, 1, 1, now, 600, b"old", 600))
    fresh = NewPair(uuid4(), family, 1, 1, now, 600, b"new", 600)
    refresh = connection.transaction()
    await refresh.start()
    await tokens.lock_refresh(connection, b"old")
    await tokens.add_pair(connection, fresh)

    async def revoke_all():
        async with pool.acquire() as other, other.transaction():
            await tokens.revoke(other)

    revoking = asyncio.create_task(revoke_all())
    await until_somebody_waits(connection)
    await refresh.commit()
    await revoking
    assert await tokens.read_live(connection, fresh.jti) is None
    row = await tokens.lock_refresh(connection, b"new")
    assert row is not None
    assert not row["is_usable"]
