"""Takes what platforms tell us, in batches: receipts applied, and all of it stored, before they are answered.

Calls that arrive together share one transaction; each is answered after its commit, and none suffers for
another: where the transaction fails, each call has one of its own. A receipt that cannot be applied is
stored as it came, and waits for the sweep. A call that says a lot is read beside the loop and stored in
several transactions, between those of others: whoever calls meanwhile waits for a slice, never for all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from disparo import failpoints, metrics
from disparo.db import inbound
from disparo.db import receipts as table
from disparo.db.pool import CONNECTION_LOST, TRANSIENT, Pool
from disparo.dispatch import figures, receipts
from disparo.dispatch.group_commit import EVERYBODYS, Busy
from disparo.dispatch.pace import Pace
from disparo.domain.outcome import InboundText
from disparo.domain.phone import InvalidPhone, parse_registered
from disparo.domain.stop_words import asks_to_stop
from disparo.platforms.base import Heard, Platform, WebhookRequest
from disparo.platforms.json_paths import storable, text_of

log = structlog.get_logger(__name__)

#: Batches begin so far apart, unless so many calls wait: those of a webhook hold a connection each.
_APART_S = 0.03
ENOUGH_CALLS, ENOUGH_HEARD = 24, 200
_LONGEST_RAW = 65_536
#: Receipts and texts of one transaction, but for the last call's.
_AT_ONCE = 500
#: So many bytes may say some thousand things, and nothing that is worth a thread.
_SOON_READ = 8192
_LONGEST_QUEUE = 20_000
_PATIENCE_S = 5.0


@dataclass(slots=True)
class _Call:
    platform: str
    heard: Heard
    raw: str
    #: Called once: without an error when it is committed, else with why it is not stored.
    told: Callable[[Exception | None], None]

    @property
    def size(self) -> int:
        """How many things it says."""
        return _size(self.heard)


class Intake:
    """What platforms tell one server or worker; `run` must be running while `take` or `hear` is called."""

    def __init__(self, pool: Pool, *, enough: int = ENOUGH_CALLS) -> None:
        self._pool = pool
        self._enough = enough
        self._large = asyncio.Lock()  # several threads would leave the loop less of its time
        self._waiting: asyncio.Queue[_Call] = asyncio.Queue(_LONGEST_QUEUE)

    async def take(self, platform: Platform, request: WebhookRequest) -> Heard:
        """Store what one webhook call says, and give it; raises WebhookRejected, Busy or why it was not.

        Once this returns it is committed: the platform may be told so. What was stored of a call that failed
        is known when the platform tells it again.
        """
        heard, raw = await self._read(platform, request), ""
        for part in _slices(heard):
            raw = raw or _raw(platform, request)
            stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            parts = [platform.masked(each) for each in part.parts]
            self._put(_Call(platform.name, part._replace(parts=parts), raw, partial(_settle, stored)))
            await stored
        return heard

    async def _read(self, platform: Platform, request: WebhookRequest) -> Heard:
        if len(request.body) <= _SOON_READ:
            return platform.parse_webhook(request)
        async with self._large:
            return await asyncio.to_thread(platform.parse_webhook, request)

    def hear(self, platform: str, heard: Heard, raw: str, told: Callable[[bool], None]) -> None:
        """Store what a platform said over its own connection; `told` is called with whether it is stored."""
        raw = raw[:_LONGEST_RAW]
        try:
            self._put(_Call(platform, heard, raw, lambda error: told(error is None)))
        except Busy:
            told(False)  # noqa: FBT003 - a callback's only word

    def _put(self, call: _Call) -> None:
        try:
            self._waiting.put_nowait(call)
        except asyncio.QueueFull:
            raise Busy from None

    async def run(self) -> None:
        """Store batches until cancelled; calls that still wait then are told to come again."""
        try:
            await self._take_all()
        finally:
            while not self._waiting.empty():
                self._waiting.get_nowait().told(Busy())

    async def _take_all(self) -> None:
        pace = Pace(_APART_S, enough=self._enough)
        while True:
            calls = [await self._waiting.get()]
            try:
                await pace.wait(self._waiting.qsize)
            except asyncio.CancelledError:
                calls[0].told(Busy())
                raise
            count = calls[0].size
            while count < _AT_ONCE and not self._waiting.empty():
                calls.append(self._waiting.get_nowait())
                count += calls[-1].size
            pace.begin(len(calls))
            try:
                await self._settle(calls)
            except asyncio.CancelledError:
                for call in calls:
                    call.told(Busy())
                raise

    async def _settle(self, calls: Sequence[_Call]) -> Exception | None:
        """Store calls and tell each; gives what they could not be applied for."""
        try:
            await self._commit(calls)
        except CONNECTION_LOST as error:
            for call in calls:
                call.told(error)
            return error
        except Exception as error:  # whatever ails one message or the applying, what was told is not lost
            if len(calls) > 1:
                await self._settle_apart(calls)
            else:
                await self._keep(calls, error)
            return error
        for call in calls:
            call.told(None)
        return None

    async def _settle_apart(self, calls: Sequence[_Call]) -> None:
        """Store each call alone: one of them is the cause, and the others must not pay for it.

        A passing fault that two of them have is everybody's, like a table that somebody locked: each would
        wait as long for it, one after the other. The others are kept for the sweep.
        """
        put_off = 0
        for place, call in enumerate(calls):
            error = await self._settle([call])
            put_off += isinstance(error, TRANSIENT)
            if error is not None and put_off == EVERYBODYS and calls[place + 1 :]:
                await self._keep(calls[place + 1 :], error)
                return

    async def _commit(self, calls: Sequence[_Call]) -> None:
        failpoints.hit("receipt_before_store")
        said = [each for call in calls for each in _said(call)]
        async with self._pool.acquire(timeout=_PATIENCE_S) as connection, connection.transaction():
            taken = await receipts.take(connection, [told for call in calls for told in _told(call)])
            new = await inbound.store(connection, said)
        failpoints.hit("receipt_after_store")
        receipts.note(taken)
        _count(new)

    async def _keep(self, calls: Sequence[_Call], error: Exception) -> None:
        """Store receipts that could not be applied, whatever the reason."""
        refused: Exception | None = None
        said = [each for call in calls for each in _said(call)]
        told = table.distinct([each for call in calls for each in _told(call)])
        try:
            async with self._pool.acquire(timeout=_PATIENCE_S) as connection, connection.transaction():
                figures.note_receipts(await table.store(connection, told))
                new = await inbound.store(connection, said)
        except Exception as why:  # whatever it is, the platform is told, and tells us again
            refused = why
        else:
            _count(new)
            log.warning("receipts_wait_for_sweep", error=type(error).__name__, calls=len(calls))
        for call in calls:
            call.told(refused)


def _size(heard: Heard) -> int:
    return len(heard.receipts) + len(heard.texts)


def _slices(heard: Heard) -> Iterator[Heard]:
    """Give what a call says, a lot of it in slices of one transaction each."""
    if 0 < _size(heard) <= _AT_ONCE:
        yield heard
        return
    for first in range(0, max(len(heard.receipts), len(heard.texts)), _AT_ONCE):
        here = slice(first, first + _AT_ONCE)
        yield Heard(heard.receipts[here], heard.texts[here], heard.parts[here])


def _count(platforms: Sequence[str]) -> None:
    for platform in platforms:
        metrics.INBOUND.count(platform)


def _told(call: _Call) -> list[table.Told]:
    events = call.heard.receipts
    return [
        table.Told(call.platform, event, raw)
        for event, raw in zip(events, _raw_of_each(call, len(events)), strict=True)
    ]


def _said(call: _Call) -> list[inbound.Said]:
    texts = call.heard.texts
    return [_of(call, text, raw) for text, raw in zip(texts, _raw_of_each(call, len(texts)), strict=True)]


def _raw_of_each(call: _Call, count: int) -> Sequence[str]:
    """Give what is kept of a call with each of its receipts or texts: all of it, or the part of each."""
    if not call.heard.parts or not count:
        return [call.raw] * count
    head = call.raw.partition("\n")[0]
    return [storable(f"{head}\n{part}")[:_LONGEST_RAW] for part in call.heard.parts]


def _of(call: _Call, text: InboundText, raw: str) -> inbound.Said:
    e164 = None
    if text.sender is not None:
        with suppress(InvalidPhone):  # a short code, or somebody abroad
            e164 = parse_registered(text.sender).e164
    return inbound.Said(call.platform, text, e164, asks_to_stop(text.text), raw)


def _raw(platform: Platform, request: WebhookRequest) -> str:
    """Give the call's query and body as text that PostgreSQL can hold, without the platform's secrets."""
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    said = platform.masked(f"{request.method} ?{query}\n{text_of(request.body)}")
    return storable(said)[:_LONGEST_RAW]


def _settle(stored: asyncio.Future[None], error: Exception | None) -> None:
    if stored.done():
        return  # whoever waited has gone
    if error is None:
        stored.set_result(None)
    else:
        stored.set_exception(error)
