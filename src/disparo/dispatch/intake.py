"""The intake of receipts: stored before the platform gets its answer, applied just after, in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import asyncpg
import structlog

from disparo import failpoints
from disparo.db import receipts as table
from disparo.db.pool import CONNECTION_LOST, Pool
from disparo.dispatch import receipts
from disparo.platforms.base import Platform, WebhookRequest

log = structlog.get_logger(__name__)

#: Receipts that arrive together are applied together.
_GATHER_S = 0.02
_RETRY_S = 0.5
_LONGEST_RAW = 65_536


class Intake:
    """One for each server process; `run` applies what `take` stored."""

    def __init__(self, pool: Pool, platforms: Mapping[str, Platform]) -> None:
        self._pool = pool
        self._platforms = platforms
        self._first_new: int | None = None
        self._new = asyncio.Event()

    def knows(self, platform: str) -> bool:
        """Tell whether there is a platform of this name."""
        return platform in self._platforms

    def reply_of(self, platform: str) -> str:
        """Give what a platform wants to hear when its receipts are stored."""
        return self._platforms[platform].capabilities.receipt_reply

    async def take(self, platform: str, request: WebhookRequest) -> int:
        """Store the receipts of one call; gives how many were new. Raises WebhookRejected, storing nothing.

        Once this returns they are committed: the platform may be told so.
        """
        events = self._platforms[platform].parse_webhook(request).receipts
        if not events:
            return 0
        failpoints.hit("receipt_before_store")
        async with self._pool.acquire() as connection:
            new = await table.store(connection, platform, events, raw=_raw(request))
        failpoints.hit("receipt_after_store")
        if new:
            self._first_new = min(self._first_new or new[0], *new)
            self._new.set()
        return len(new)

    async def run(self) -> None:
        """Apply stored receipts until cancelled; what fails here is found by the workers' sweep."""
        self._new.set()  # a process that died here left some that it had acknowledged
        while True:
            await self._new.wait()
            await asyncio.sleep(_GATHER_S)
            self._new.clear()
            first, self._first_new = self._first_new, None
            try:
                await receipts.apply_waiting(self._pool, after_id=(first or 1) - 1)
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                log.warning("receipts_wait_for_sweep", error=type(error).__name__)
                await asyncio.sleep(_RETRY_S)


def _raw(request: WebhookRequest) -> str:
    """Give the call's query and body as text that PostgreSQL can hold."""
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    body = request.body.decode("utf-8", "replace")
    return f"{request.method} ?{query}\n{body}".replace("\0", "�")[:_LONGEST_RAW]
