"""The keys that sign access tokens, and how each server process learns of a new one.

A new key is known to all before any signs with it: a server that did not know it would take its tokens for
another program's. An old one's public half stays, for the tokens it signed; its private half is thrown away.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from disparo.auth.tokens import SigningKey, TokenMint, new_signing_key
from disparo.db import tokens
from disparo.db.pool import TRANSIENT, Connection, Pool

#: Several times before a new key is signed with.
_READ_EVERY_S, _RETRY_S = 10.0, 1.0
#: A look came to nothing: a key may be signed with by now that this process does not know.
_OVERDUE_S = 15.0


async def read(connection: Connection) -> list[SigningKey]:
    """Give every key; the last is the one to sign with."""
    rows = await tokens.signing_keys(connection)
    return [SigningKey(row["kid"], row["private_pem"], row["public_pem"]) for row in rows]


async def open_mint(pool: Pool) -> TokenMint:
    """Give what signs and verifies; the first server of an installation makes the first key."""
    async with pool.acquire() as connection:
        keys = await read(connection)
        if not keys:
            key = await asyncio.to_thread(new_signing_key)
            await tokens.add_first_signing_key(
                connection, kid=key.kid, private_pem=key.private_pem, public_pem=key.public_pem
            )
            keys = await read(connection)
    return TokenMint(keys)


async def catch_up(pool: Pool, mint: TokenMint) -> None:
    """Look for new keys where the last look is overdue: what one signed would be called no token of ours."""
    if time.clock_gettime(time.CLOCK_BOOTTIME) - mint.known_at > _OVERDUE_S:
        async with pool.acquire() as connection:
            mint.use(await read(connection))


async def read_forever(pool: Pool, mint: TokenMint) -> None:
    """Learn of new keys until cancelled, and throw away the private halves that sign nothing any more."""
    pause_s = _READ_EVERY_S
    while True:
        await asyncio.sleep(pause_s)
        pause_s = _RETRY_S
        with suppress(*TRANSIENT):  # nobody is let in or gets a token meanwhile
            async with pool.acquire() as connection:
                mint.use(await read(connection))
                await tokens.forget_old_private_keys(connection)
            pause_s = _READ_EVERY_S
