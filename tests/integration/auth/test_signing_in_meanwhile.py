"""A sign-in that is being written when its password is changed or its tokens are revoked ends with them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from tests.support.locks import until_somebody_waits

from disparo.db import accounts, sessions, tokens

pytestmark = pytest.mark.anyio

EMAIL = "ana@example.com"


@pytest.fixture
async def user_id(connection):
    await accounts.add_client(connection, name="robô", secret_sha256=b"secret", settings={})
    return await accounts.add_user(
        connection, email=EMAIL, name="Ana", password_hash="old", permissions=["send"]
    )


def pair(user_id, *, family=None, refresh=b"refresh"):
    return tokens.NewPair(
        uuid4(), family or uuid4(), 1, user_id, datetime.now(UTC), 600, refresh, 600, "old", b"secret"
    )


async def after_what_is_under_way(pool, connection, under_way, change):
    """Do `under_way`, have `change` wait for it in another transaction, and let both come to their end."""

    async def work():
        async with pool.acquire() as other, other.transaction():
            await change(other)

    async with connection.transaction():
        await under_way(connection)
        task = asyncio.create_task(work())
        await until_somebody_waits(connection)
    await task


async def test_a_new_password_ends_the_session_that_is_being_begun(pool, connection, user_id):
    await after_what_is_under_way(
        pool,
        connection,
        lambda own: sessions.add(own, b"token", user_id=user_id, password_hash="old"),
        lambda other: accounts.set_password(other, EMAIL, "new"),
    )
    assert await connection.fetchval("SELECT count(*) FROM panel_sessions") == 0


async def test_no_session_begins_with_a_password_that_is_no_longer_right(connection, user_id):
    await accounts.set_password(connection, EMAIL, "new")
    assert not await sessions.add(connection, b"token", user_id=user_id, password_hash="old")
    assert await sessions.add(connection, b"token", user_id=user_id, password_hash="new")


@pytest.mark.parametrize("whose", ["user_id", "client_id", None])
async def test_revoking_ends_the_token_that_is_being_made(pool, connection, user_id, whose):
    named = {} if whose is None else {whose: user_id if whose == "user_id" else 1}
    await after_what_is_under_way(
        pool,
        connection,
        lambda own: tokens.add_pair(own, pair(user_id)),
        lambda other: tokens.revoke(other, **named),
    )
    assert await tokens.list_live(connection) == []
    assert not await tokens.has_live(connection, user_id=user_id)


@pytest.mark.parametrize("whose", ["user_id", "client_id", None])
async def test_a_refresh_and_a_revocation_wait_for_each_other_in_one_order(pool, connection, user_id, whose):
    """The one has the family's rows and asks for the user's, the other the user's and asks for the family's."""
    named = {} if whose is None else {whose: user_id if whose == "user_id" else 1}
    family = uuid4()
    await tokens.add_pair(connection, pair(user_id, family=family))

    async def refresh(own):
        await tokens.lock_refresh(own, b"refresh")
        task = asyncio.create_task(revoke())
        await until_somebody_waits(own)
        await tokens.add_pair(own, pair(user_id, family=family, refresh=b"next"))
        return task

    async def revoke():
        async with pool.acquire() as other, other.transaction():
            await tokens.revoke(other, **named)

    async with connection.transaction():
        revoking = await refresh(connection)
    await revoking
    assert not await tokens.has_live(connection, user_id=user_id)
