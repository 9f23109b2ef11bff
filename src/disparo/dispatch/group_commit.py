"""Group commit: calls that arrive together share one transaction, and no call suffers for another.

With `grouped=False` each call has a transaction of its own: same code, same answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import asyncpg
import structlog

from disparo import failpoints
from disparo.db import dispatches
from disparo.db.pool import CONNECTION_LOST, PASSING, TRANSIENT, Connection, Pool
from disparo.dispatch.accept import Stored, accept_batch
from disparo.dispatch.calls import AcceptSettings, Call, InProgress, Verdict
from disparo.dispatch.pace import Pace
from disparo.dispatch.slots import Slots

log = structlog.get_logger(__name__)

_AT_ONCE = 256
_WRITERS = 4
#: One transaction at a time makes the largest batches and the fewest flushes; one that takes longer than
#: this (a slow disk, a lock that another process holds) keeps nobody else waiting.
_TURN_S = 0.01
#: Batches begin so far apart, unless so many wait, or all (`pace.py`). All that follows a batch, to the
#: platform and back, costs nearly the same for one call as for ten.
_APART_S, _ENOUGH = 0.02, 16
#: So many calls of a batch that were put off each alone: the fault is not theirs.
EVERYBODYS = 2
#: How long a call waits for another that holds its key (docs/delivery.md §6).
KEY_PATIENCE_S = 5.0
_KEY_LOOK_EVERY_S = 0.1
#: How long the fate of a transaction is asked for after its connection was lost in COMMIT. A proxy would give
#: up after a minute.
FATE_PATIENCE_S = 20.0


class Busy(Exception):
    """Nothing was stored: too many calls wait, or no database. It may be tried again in a second."""


class KeyInUse(Exception):
    """The call that holds the same idempotency key did not end in time."""


def put_off(error: Exception) -> Busy:
    """Turn a passing fault of the database into Busy."""
    busy = Busy()
    busy.__cause__ = error
    return busy


class FateUnknown(Exception):
    """The connection was lost in COMMIT, and whether it happened could not be found out."""


@dataclass(slots=True)
class _Waiting:
    call: Call
    verdict: asyncio.Future[Verdict]


class Acceptor:
    """Accepts the calls of one server process; `run` must be running while `accept` is called."""

    def __init__(
        self, pool: Pool, settings: AcceptSettings, *, grouped: bool, most_waiting: int = 512
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._at_once = _AT_ONCE if grouped else 1
        self._writers = _WRITERS if grouped else 8
        self._turn, self._turn_s = asyncio.Lock(), _TURN_S if grouped else 0.0
        self._pace = Pace(_APART_S if grouped else 0.0, enough=_ENOUGH)
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(most_waiting)
        self._slots = Slots()

    def use(self, settings: AcceptSettings) -> None:
        """Accept by these settings from now on."""
        self._settings = settings

    async def accept(self, call: Call) -> Verdict:
        """Store one call durably or say why not; raises Busy, KeyInUse or FateUnknown."""
        verdict = await self._submit(call)
        until = time.monotonic() + KEY_PATIENCE_S
        while isinstance(verdict, InProgress):
            if time.monotonic() >= until:
                raise KeyInUse
            await asyncio.sleep(_KEY_LOOK_EVERY_S)
            verdict = await self._submit(call)
        return verdict

    async def run(self) -> None:
        """Store batches until cancelled; calls that still wait then are told to come again."""
        writers = [asyncio.create_task(self._write()) for _ in range(self._writers)]
        try:
            await asyncio.gather(*writers)
        finally:
            for writer in writers:
                writer.cancel()
            await asyncio.gather(*writers, return_exceptions=True)
            while not self._waiting.empty():
                _fail(self._waiting.get_nowait(), Busy())

    def _submit(self, call: Call) -> asyncio.Future[Verdict]:
        item = _Waiting(call, asyncio.get_running_loop().create_future())
        try:
            self._waiting.put_nowait(item)
        except asyncio.QueueFull:
            raise Busy from None
        return item.verdict

    async def _write(self) -> None:
        while True:
            async with self._turn:
                batch = [await self._waiting.get()]
                await self._wait_for_more(batch[0])
                while len(batch) < self._at_once and not self._waiting.empty():
                    batch.append(self._waiting.get_nowait())
                self._pace.begin(len(batch))
                # A client that went away meanwhile is not dispatched for: it never got its 200.
                batch = [item for item in batch if not item.verdict.done()]
                settling = asyncio.create_task(self._settle(batch))
                try:
                    await asyncio.wait({settling}, timeout=self._turn_s)
                except asyncio.CancelledError:
                    await _give_up(settling, batch)
                    raise
            try:
                await settling
            except asyncio.CancelledError:
                await _give_up(settling, batch)
                raise

    async def _wait_for_more(self, first: _Waiting) -> None:
        try:
            await self._pace.wait(self._waiting.qsize)
        except asyncio.CancelledError:
            _fail(first, Busy())
            raise

    async def _settle(self, batch: Sequence[_Waiting]) -> Exception | None:
        """Store a batch, but for those that cannot be; gives what a single call failed for."""
        if not batch:
            return None
        try:
            verdicts = await self._commit([item.call for item in batch])
        except Exception as error:  # whatever it is, each caller is told
            if len(batch) > 1 and not isinstance(error, Busy | FateUnknown):
                await self._settle_apart(batch)
                return None
            for item in batch:
                _fail(item, put_off(error) if isinstance(error, PASSING) else error)
            return error
        for item, verdict in zip(batch, verdicts, strict=True):
            if not item.verdict.done():
                item.verdict.set_result(verdict)
        return None

    async def _settle_apart(self, batch: Sequence[_Waiting]) -> None:
        """Store each call alone: one of them is the cause, and the others must not pay for it.

        A passing fault that two of them have is everybody's, like a table that somebody locked: each would
        wait as long for it, one after the other.
        """
        put_off_calls = 0
        for item in batch:
            if put_off_calls == EVERYBODYS:
                _fail(item, Busy())
            elif not item.verdict.done():  # its client may be gone by now
                put_off_calls += isinstance(await self._settle([item]), (*PASSING, Busy))

    async def _commit(self, calls: Sequence[Call]) -> list[Verdict]:
        stored: Stored | None = None
        committing = False
        verdicts: list[Verdict] = []
        try:
            async with self._pool.acquire(timeout=5) as connection:
                transaction = connection.transaction()
                await transaction.start()
                try:
                    verdicts, stored = await accept_batch(connection, calls, self._settings, self._slots)
                    if stored is not None:
                        failpoints.hit("accept_before_commit")
                        committing = True
                except BaseException:
                    with suppress(*CONNECTION_LOST, asyncpg.PostgresError):
                        await transaction.rollback()
                    raise
                await transaction.commit()
        except CONNECTION_LOST as error:
            log.warning("accept_lost_database", error=type(error).__name__, calls=len(calls))
            if stored is None or not committing or not await self._happened(stored):
                raise Busy from error
        if stored is not None:
            self._slots.keep(stored.chunks, stored.at)
            failpoints.hit("accept_after_commit")
        return verdicts

    async def _happened(self, stored: Stored) -> bool:
        """Ask what became of a COMMIT whose answer was lost; raises FateUnknown."""
        until = time.monotonic() + FATE_PATIENCE_S
        while time.monotonic() < until:
            with suppress(*TRANSIENT):
                async with self._pool.acquire(timeout=5) as connection:
                    if await _is_over(connection, stored.xid):
                        # A number may be given out anew after a crash: only the rows themselves are proof.
                        found = await dispatches.existing(connection, stored.dispatch_ids)
                        return found == set(stored.dispatch_ids)
            await asyncio.sleep(0.2)
        raise FateUnknown


async def _is_over(connection: Connection, xid: int) -> bool:
    try:
        status = await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", str(xid))
    except asyncpg.InvalidParameterValueError:  # "in the future": a crash forgot the number
        return True
    return bool(status != "in progress")


async def _give_up(settling: asyncio.Task[Exception | None], batch: Sequence[_Waiting]) -> None:
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)
    for item in batch:
        _fail(item, Busy())


def _fail(item: _Waiting, error: Exception) -> None:
    if not item.verdict.done():
        item.verdict.set_exception(error)
