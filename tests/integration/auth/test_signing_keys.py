"""A server that missed its looks for new keys asks before it refuses what one signed."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from disparo.auth import signing_keys
from disparo.auth.tokens import InvalidToken, new_signing_key
from disparo.db import tokens

pytestmark = pytest.mark.anyio


@pytest.fixture
async def mint(pool):
    return await signing_keys.open_mint(pool)


@pytest.fixture
async def token(pool, mint, connection):
    """Of a key that was made after `mint` learned of all there were, by a server that knows it."""
    age = "UPDATE signing_keys SET created_at = created_at - make_interval(secs => $1)"
    await connection.execute(age, 601.0)
    key = new_signing_key()
    async with connection.transaction():
        await tokens.add_signing_key(
            connection, kid=key.kid, private_pem=key.private_pem, public_pem=key.public_pem
        )
    await connection.execute(age, 61.0)
    other = await signing_keys.open_mint(pool)
    now = datetime.now(UTC)
    return other.sign(jti=uuid4(), client_id=1, user_id=1, scopes=[], now=now, lifetime_s=60)


async def test_a_look_that_is_overdue_is_made_before_a_token_is_refused(pool, mint, token):
    mint.known_at -= 16
    await signing_keys.catch_up(pool, mint)
    assert mint.verify(token).client_id == 1


async def test_one_that_is_on_time_asks_the_database_nothing(pool, mint, token):
    await signing_keys.catch_up(pool, mint)
    with pytest.raises(InvalidToken):
        mint.verify(token)
