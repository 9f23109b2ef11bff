"""The engine at work: it listens, picks entries and calls a handler; a dead one is started anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.domain.settings import db_settings
from pgqueuer.errors import FailingListenerError
from pgqueuer.models import Channel, Job

from disparo.queue import URGENT, Handler
from disparo.queue.hands import Hands

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

log = structlog.get_logger(__name__)

#: Nobody notifies here: entries of bulk runs are looked for every two seconds, and when the next is due. An
#: engine that is woken asks five times, and it was woken for every call that is not its own.
_UNHURRIED = Channel("disparo_unhurried")
#: Each change of its table wakes the engine, and one that is woken asks five times: in a crowd it is woken so
#: often and no more, and finds several entries each time. What it changes itself wakes it for little.
_CALM_S = {"insert": 0.04, "update": 0.2, "delete": 0.2}
_CHANGED = "table_changed_event"
#: An entry that is due sooner than this is looked for only then; the engine's own value is 100 ms.
_SOONEST = timedelta(milliseconds=25)
#: Both together: a killed worker's entry runs again after 4 s (lowering only one leaves it at 28 s).
_HEARTBEAT_TIMEOUT = timedelta(seconds=6)
_DEQUEUE_TIMEOUT = timedelta(seconds=2)
#: A statement of the engine, the wait for a connection counted in. Its locks are waited for 10 s at most.
#: While we end what is not answered comes to nothing: entries may vanish, or be there twice. Once one is
#: not, nor are those that the engine asks one after the other to end with.
_ANSWERED_WITHIN_S, _AT_THE_END_S, _ONCE_SILENT_S = 12.0, 4.0, 0.5


class _CalmDriver(AsyncpgPoolDriver):
    """Wakes the engine at once, but in a crowd only now and then; nothing it asks waits for ever."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], stop: asyncio.Event) -> None:
        super().__init__(pool)
        self._stop = stop
        self._asked: set[asyncio.Timeout] = set()
        self._is_silent = False

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
        """Give a connection; one that does not answer in time is dropped: a pool waits for it to stop."""
        with self._noting_silence():
            async with asyncio.timeout(self._within_s()) as patience:
                self._asked.add(patience)
                try:
                    async with self._pool.acquire() as connection:
                        try:
                            yield connection
                        except asyncio.CancelledError:
                            connection.terminate()
                            raise
                finally:
                    self._asked.discard(patience)

    def _within_s(self) -> float:
        if not self._stop.is_set():
            return _ANSWERED_WITHIN_S
        return min(_ANSWERED_WITHIN_S, _ONCE_SILENT_S if self._is_silent else _AT_THE_END_S)

    @contextmanager
    def _noting_silence(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            self._is_silent = self._stop.is_set()
            raise

    def hurry(self) -> None:
        """Have what was asked before the end be answered as soon as what is asked from now on."""
        latest = asyncio.get_running_loop().time() + self._within_s()
        for patience in self._asked:
            if not patience.expired():
                patience.reschedule(min(latest, patience.when() or latest))

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """Ask; raises TimeoutError, as all below."""
        async with self._answering() as connection:
            return [dict(row) for row in await connection.fetch(query, *args)]

    async def execute(self, query: str, *args: object) -> str:
        """Tell."""
        async with self._answering() as connection:
            return str(await connection.execute(query, *args))

    async def notify(self, channel: str, payload: str) -> None:
        """Say something to all who listen."""
        await self.execute("SELECT pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: Callable[[str | bytes | bytearray], None]) -> None:
        """Listen, and pass on what is heard."""
        async with asyncio.timeout(_ANSWERED_WITHIN_S):
            await super().add_listener(channel, _calmed(callback))

    async def __aexit__(self, *error: object) -> None:
        """Have the connection that listened made clean for the pool; `let_go` where that is not answered."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._within_s()):
                await super().__aexit__(*error)

    def let_go(self) -> None:
        """Give the pool its place back where the connection that listened is dead: PgQueuer 1.6 keeps that.

        Of a worker's four, its two engines listen on two: two that are kept leave none to ask with, for good.
        """
        connection, self._listener_connection = self._listener_connection, None
        if connection is not None:
            with suppress(asyncpg.InterfaceError):  # it was given back
                connection.terminate()


def _calmed(
    callback: Callable[[str | bytes | bytearray], None],
) -> Callable[[str | bytes | bytearray], None]:
    """Give a listener that passes on one change of a kind in its `_CALM_S`; the first one at once."""
    loop = asyncio.get_running_loop()
    next_at, waiting = dict.fromkeys(_CALM_S, 0.0), set[str]()

    def pass_on(kind: str, payload: str | bytes | bytearray) -> None:
        next_at[kind] = loop.time() + _CALM_S[kind]
        waiting.discard(kind)
        callback(payload)

    def hear(payload: str | bytes | bytearray) -> None:
        said = str(payload)
        kind = next((each for each in _CALM_S if f'"{each}"' in said), None) if _CHANGED in said else None
        if kind is None:
            callback(payload)
        elif kind not in waiting:
            waiting.add(kind)
            loop.call_at(max(next_at[kind], loop.time()), pass_on, kind, payload)

    return hear


async def keep_running(
    pool: asyncpg.Pool[asyncpg.Record],
    entrypoint: str,
    handler: Handler,
    *,
    hands: Hands,
    stop: asyncio.Event,
) -> None:
    """Call `handler` with each chunk of one kind until `stop`; see `run`."""
    while not stop.is_set():
        try:
            await _run_engine(pool, entrypoint, handler, hands=hands, stop=stop)
        except FailingListenerError:
            # Its line is dead; or, just after a start, its probe was sent before it listened (PgQueuer 1.6).
            log.info("queue_engine_listens_anew")
        except Exception as error:  # a database restart ends the engine: measured
            log.warning("queue_engine_restarts", error=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=0.5)


async def _run_engine(
    pool: asyncpg.Pool[asyncpg.Record],
    entrypoint: str,
    handler: Handler,
    *,
    hands: Hands,
    stop: asyncio.Event,
) -> None:
    urgent, driver = entrypoint == URGENT, _CalmDriver(pool, stop)
    engine = PgQueuer(driver, channel=Channel(db_settings().channel) if urgent else _UNHURRIED)
    if urgent:
        engine.qm.min_dequeue_poll_interval = _SOONEST

    @engine.entrypoint(entrypoint, on_failure="delete")
    async def wake(job: Job) -> None:
        with hands.work(entrypoint):
            try:
                await handler(int(job.payload or b"0"), urgent)
            except Exception:  # of one chunk: the sweep makes a new entry, and the engine goes on
                log.exception("chunk_failed")

    async def end_with_us() -> None:
        await stop.wait()
        driver.hurry()
        engine.shutdown.set()

    ender = asyncio.create_task(end_with_us())
    try:
        await engine.run(
            batch_size=max(1, hands.at_once // 2),
            max_concurrent_tasks=hands.at_once,
            dequeue_timeout=_DEQUEUE_TIMEOUT,
            heartbeat_timeout=_HEARTBEAT_TIMEOUT,
            # Who hears nothing is restarted; who listens where nobody notifies would be all the time.
            shutdown_on_listener_failure=urgent,
        )
    finally:
        ender.cancel()
        with suppress(asyncio.CancelledError):
            await ender
        driver.let_go()
