"""Tokens and sessions let nobody in that ran out, were revoked, or whose user or API client was shut out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.integration.auth.test_signing_in_meanwhile import pair, user_id

from disparo.db import sessions, tokens

pytestmark = pytest.mark.anyio
__all__ = ["user_id"]

SHUT_OUT = ["UPDATE users SET active = false", "UPDATE api_clients SET active = false"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE access_tokens SET revoked_at = now()",
        "UPDATE access_tokens SET expires_at = now() - interval '1 s'",
        *SHUT_OUT,
    ],
)
async def test_an_access_token(connection, user_id, change):
    new = pair(user_id)
    assert await tokens.add_pair(connection, new)
    assert (await tokens.read_live(connection, new.jti))["user_id"] == user_id
    await connection.execute(change)
    assert await tokens.read_live(connection, new.jti) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE refresh_tokens SET revoked_at = now()",
        "UPDATE refresh_tokens SET expires_at = now() - interval '1 s'",
        *SHUT_OUT,
    ],
)
async def test_a_refresh_token(connection, user_id, change):
    assert await tokens.add_pair(connection, pair(user_id))
    assert (await tokens.lock_refresh(connection, b"refresh"))["is_usable"]
    await connection.execute(change)
    assert not (await tokens.lock_refresh(connection, b"refresh"))["is_usable"]


@pytest.mark.parametrize("change", [{"password_hash": "older"}, {"secret_sha256": b"older"}, *SHUT_OUT])
async def test_no_pair_is_made_for_one_who_is_not_who_was_checked(connection, user_id, change):
    new = pair(user_id)
    if isinstance(change, dict):
        new = replace(new, **change)
    else:
        await connection.execute(change)
    assert not await tokens.add_pair(connection, new)
    assert not await tokens.has_live(connection, user_id=user_id, client_id=1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE panel_sessions SET seen_at = now() - interval '8 hours 1 min'",
        "UPDATE panel_sessions SET created_at = now() - interval '7 days 1 min'",
        "UPDATE users SET active = false",
    ],
)
async def test_a_session(connection, user_id, change):
    assert await sessions.add(connection, b"token", user_id=user_id, password_hash="old")
    assert (await sessions.read_live(connection, b"token"))["user_id"] == user_id
    await connection.execute(change)
    assert await sessions.read_live(connection, b"token") is None
    await connection.execute("DELETE FROM panel_sessions")
    shut_out = "users" in change
    assert await sessions.add(connection, b"token", user_id=user_id, password_hash="old") != shut_out
