"""What platforms tell us: stored before they get their answer, receipts applied just after, in batches.

Calls that arrive together share one transaction; each is answered after its commit, and none suffers for
another: where the transaction fails, each call has one of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import asyncpg
import structlog

from disparo import failpoints, metrics
from disparo.db import inbound
from disparo.db import receipts as table
from disparo.db.pool import CONNECTION_LOST, Pool
from disparo.dispatch import figures, receipts
from disparo.dispatch.group_commit import Busy
from disparo.dispatch.pace import Pace
from disparo.domain.outcome import InboundText
from disparo.domain.phone import InvalidPhone, parse_phone
from disparo.domain.stop_words import asks_to_stop
from disparo.platforms.base import Heard, Platform, WebhookRequest
from disparo.platforms.json_paths import storable

log = structlog.get_logger(__name__)

#: Batches begin so far apart, unless so many calls wait; receipts that arrive together are applied together.
_APART_S, _ENOUGH = 0.02, 16
_GATHER_S = 0.05
_RETRY_S = 0.5
_LONGEST_RAW = 65_536
_AT_ONCE = 500
_LONGEST_QUEUE = 20_000
_PATIENCE_S = 5.0


@dataclass(slots=True)
class _Call:
    platform: str
    heard: Heard
    raw: str
    stored: asyncio.Future[None]


class Intake:
    """One for each server process; `run` must be running while `take` is called."""

    def __init__(self, pool: Pool, platforms: Mapping[str, Platform]) -> None:
        self._pool = pool
        self._platforms = platforms
        self._waiting: asyncio.Queue[_Call] = asyncio.Queue(_LONGEST_QUEUE)
        self._first_new: int | None = None
        self._new = asyncio.Event()

    def use(self, platforms: Mapping[str, Platform]) -> None:
        """Read calls of these platforms from now on."""
        self._platforms = platforms

    def reply_of(self, platform: str) -> str:
        """Give what a platform wants to hear when what it told is stored."""
        return self._platforms[platform].capabilities.receipt_reply

    async def take(self, platform: str, request: WebhookRequest) -> Heard:
        """Store what one call says, and give it; raises WebhookRejected, or Busy, storing nothing.

        Once this returns it is committed: the platform may be told so.
        """
        heard = self._platforms[platform].parse_webhook(request)
        if not heard.receipts and not heard.texts:
            return heard
        call = _Call(platform, heard, _raw(request), asyncio.get_running_loop().create_future())
        try:
            self._waiting.put_nowait(call)
        except asyncio.QueueFull:
            raise Busy from None
        await call.stored
        return heard

    async def run(self) -> None:
        """Store and apply until cancelled; those still waiting then are told to come again."""
        jobs = [asyncio.create_task(self._store_all()), asyncio.create_task(self._apply_all())]
        try:
            await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            while not self._waiting.empty():
                _fail(self._waiting.get_nowait(), Busy())

    async def _store_all(self) -> None:
        pace = Pace(_APART_S, enough=_ENOUGH)
        while True:
            calls = [await self._waiting.get()]
            try:
                await pace.wait(self._waiting.qsize)
            except asyncio.CancelledError:
                _fail(calls[0], Busy())
                raise
            while len(calls) < _AT_ONCE and not self._waiting.empty():
                calls.append(self._waiting.get_nowait())
            pace.begin(len(calls))
            try:
                await self._settle(calls)
            except asyncio.CancelledError:
                for call in calls:
                    _fail(call, Busy())
                raise

    async def _settle(self, calls: Sequence[_Call]) -> None:
        try:
            new = await self._commit(calls)
        except Exception as error:
            if len(calls) > 1 and not isinstance(error, CONNECTION_LOST):
                for call in calls:  # one of them is the cause: the others must not pay for it
                    await self._settle([call])
                return
            for call in calls:
                _fail(call, error)
            return
        for call in calls:
            if not call.stored.done():
                call.stored.set_result(None)
        if new:
            figures.note_receipts(new)
            first = min(row["id"] for row in new)
            self._first_new = min(self._first_new or first, first)
            self._new.set()

    async def _commit(self, calls: Sequence[_Call]) -> list[asyncpg.Record]:
        failpoints.hit("receipt_before_store")
        told = [table.Told(call.platform, event, call.raw) for call in calls for event in call.heard.receipts]
        said = [_said(call, text) for call in calls for text in call.heard.texts]
        async with self._pool.acquire(timeout=_PATIENCE_S) as connection:
            if said:
                async with connection.transaction():
                    new = await table.store_all(connection, told)
                    await inbound.store(connection, said)
            else:
                new = await table.store_all(connection, told)  # one statement is its own transaction
        failpoints.hit("receipt_after_store")
        for item in said:
            metrics.INBOUND.count(item.platform)
        return new

    async def _apply_all(self) -> None:
        self._new.set()  # a process that died here left some that it had acknowledged
        while True:
            await self._new.wait()
            await asyncio.sleep(_GATHER_S)
            self._new.clear()
            first, self._first_new = self._first_new, None
            try:
                await receipts.apply_waiting(self._pool, after_id=(first or 1) - 1)
            except Exception as error:  # storing must go on, whatever ails the applying
                log.warning("receipts_wait_for_sweep", error=type(error).__name__)
                await asyncio.sleep(_RETRY_S)


def _said(call: _Call, text: InboundText) -> inbound.Said:
    e164 = None
    if text.sender is not None:
        with suppress(InvalidPhone):  # a short code, or somebody abroad
            e164 = parse_phone(text.sender).e164
    return inbound.Said(call.platform, text, e164, asks_to_stop(text.text), call.raw)


def _raw(request: WebhookRequest) -> str:
    """Give the call's query and body as text that PostgreSQL can hold."""
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    body = request.body.decode("utf-8", "replace")
    return storable(f"{request.method} ?{query}\n{body}")[:_LONGEST_RAW]


def _fail(call: _Call, error: Exception) -> None:
    if not call.stored.done():
        call.stored.set_exception(error)
