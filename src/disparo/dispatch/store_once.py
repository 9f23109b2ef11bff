"""Transactions that find what they stored before.

One whose COMMIT gets no answer is done again, until its fate is known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from disparo.db.pool import CONNECTION_LOST, TRANSIENT, Connection, Pool
from disparo.dispatch.group_commit import (
    FATE_PATIENCE_S,
    KEY_PATIENCE_S,
    FateUnknown,
    KeyInUse,
    put_off,
)

T = TypeVar("T")

_LOOK_EVERY_S = 0.2


async def store_once(pool: Pool, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Do in a transaction what, done twice, is done once: whichever of the two is second finds the first.

    `work` raises KeyInUse where another call holds its key: it is waited for. Raises that, Busy where
    nothing was stored, FateUnknown, and whatever else `work` does.
    """
    key_until, fate_until = time.monotonic() + KEY_PATIENCE_S, None
    while True:
        is_committing = False
        try:
            async with pool.acquire(timeout=5) as connection, connection.transaction():
                found = await work(connection)
                is_committing = True
        except KeyInUse:
            # After a lost COMMIT it may be our own transaction that still holds the key.
            if time.monotonic() >= (fate_until or key_until):
                raise
        except TRANSIENT as error:
            if fate_until is None and is_committing and isinstance(error, CONNECTION_LOST):
                fate_until = time.monotonic() + FATE_PATIENCE_S
            if fate_until is None:
                raise put_off(error) from error
            if time.monotonic() >= fate_until:
                raise FateUnknown from error
        else:
            return found
        await asyncio.sleep(_LOOK_EVERY_S)
