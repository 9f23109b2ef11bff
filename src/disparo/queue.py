"""The queue engine behind a narrow port: it wakes a worker for a chunk of messages, nothing more.

The message table is the truth. An entry here may vanish or run twice without harm: a claim finds nothing
the second time, and a sweep makes entries for due chunks that have none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.domain.settings import db_settings
from pgqueuer.errors import FailingListenerError
from pgqueuer.models import Channel, Job
from pgqueuer.queries import Queries

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    _Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

log = structlog.get_logger(__name__)

#: Two ways in, so that a bulk run that fills one of them never stands before a single call in the other.
_ENTRYPOINT, _URGENT = "chunk", "urgent"
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

#: The table is a wake-up, not a truth (the sweep makes what is missing), so its commits need not wait for a
#: flush and a crash may empty it. The engine's log of every job is of no use to us: nothing enters it.
_OURS = """
DO $$ BEGIN
    IF (SELECT relpersistence FROM pg_class WHERE oid = '{queue}'::regclass) = 'p' THEN
        ALTER TABLE {queue} SET UNLOGGED;
    END IF;
END $$;
CREATE OR REPLACE FUNCTION disparo_keeps_no_job_log() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN RETURN NULL; END';
CREATE OR REPLACE TRIGGER disparo_keeps_no_job_log BEFORE INSERT ON {log}
    FOR EACH ROW EXECUTE FUNCTION disparo_keeps_no_job_log();
TRUNCATE {log};
"""

Handler = Callable[[int, bool], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WakeUp:
    """One chunk to be worked on, `delay_s` seconds after the commit.

    Chunks of single calls have positive numbers and are urgent: they never queue behind those of bulk
    runs, whose numbers are negative.
    """

    chunk_id: int
    delay_s: float = 0.0

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for these messages."""
        return self.chunk_id > 0


async def install(connection: _Connection) -> None:
    """Create the engine's tables, or bring those of an older release up to this one's."""
    queries = Queries.from_asyncpg_connection(connection)  # type: ignore[arg-type]  # proxies have its methods
    if await queries.schema_is_installed():
        await queries.upgrade()
    else:
        await queries.install()
    await connection.execute(_OURS.format(queue=db_settings().queue_table, log=db_settings().queue_table_log))


async def enqueue(connection: _Connection, wake_ups: Sequence[WakeUp]) -> None:
    """Add entries inside the caller's transaction; a chunk that has a live entry keeps that one."""
    if not wake_ups:
        return
    queries = Queries.from_asyncpg_connection(connection)  # type: ignore[arg-type]  # proxies have its methods
    await queries.enqueue(
        [_URGENT if item.urgent else _ENTRYPOINT for item in wake_ups],
        [str(item.chunk_id).encode() for item in wake_ups],
        [int(item.urgent) for item in wake_ups],
        [timedelta(seconds=item.delay_s) for item in wake_ups],
        [_key(item.chunk_id) for item in wake_ups],
        on_conflict="skip",
    )


async def hold(connection: _Connection, chunk_id: int) -> bool:
    """Keep a chunk's entry from being picked until the caller's transaction ends; False where none waits.

    Messages added to the chunk meanwhile are there for whoever picks it.
    """
    found = await connection.fetchval(
        f"SELECT true FROM {db_settings().queue_table} "  # noqa: S608 - the engine's own table name
        "WHERE status = 'queued' AND dedupe_key = $1 FOR SHARE",
        _key(chunk_id),
    )
    return bool(found)


async def chunks_with_entry(connection: _Connection, chunk_ids: Sequence[int]) -> set[int]:
    """Tell which of these chunks have an entry that waits or runs."""
    rows = await connection.fetch(
        f"SELECT dedupe_key FROM {db_settings().queue_table} "  # noqa: S608 - the engine's own table name
        "WHERE status IN ('queued', 'picked') AND dedupe_key = ANY($1)",
        [_key(chunk_id) for chunk_id in chunk_ids],
    )
    return {int(row["dedupe_key"].rpartition(":")[2]) for row in rows}


def table() -> str:
    """Give the name of the table of entries."""
    return db_settings().queue_table


def _key(chunk_id: int) -> str:
    return f"{_ENTRYPOINT}:{chunk_id}"


async def run(
    pool: asyncpg.Pool[asyncpg.Record], handler: Handler, *, concurrency: int, stop: asyncio.Event
) -> None:
    """Call `handler` with each chunk, and whether it is urgent, until `stop`; a dead engine is started anew.

    `concurrency` chunks of each kind run at once. A handler that raises is logged and its entry kept
    aside: the sweep makes a new one.
    """
    async with asyncio.TaskGroup() as group:
        for entrypoint in (_ENTRYPOINT, _URGENT):
            group.create_task(_keep_running(pool, entrypoint, handler, concurrency=concurrency, stop=stop))


class _CalmDriver(AsyncpgPoolDriver):
    """Wakes the engine at once, but in a crowd of changes only now and then."""

    async def add_listener(self, channel: str, callback: Callable[[str | bytes | bytearray], None]) -> None:
        """Listen, and pass on what is heard."""
        await super().add_listener(channel, _calmed(callback))


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


async def _keep_running(
    pool: asyncpg.Pool[asyncpg.Record],
    entrypoint: str,
    handler: Handler,
    *,
    concurrency: int,
    stop: asyncio.Event,
) -> None:
    while not stop.is_set():
        try:
            await _run_engine(pool, entrypoint, handler, concurrency=concurrency, stop=stop)
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
    concurrency: int,
    stop: asyncio.Event,
) -> None:
    urgent = entrypoint == _URGENT
    engine = PgQueuer(_CalmDriver(pool), channel=Channel(db_settings().channel) if urgent else _UNHURRIED)
    if urgent:
        engine.qm.min_dequeue_poll_interval = _SOONEST

    @engine.entrypoint(entrypoint, on_failure="delete")
    async def wake(job: Job) -> None:
        try:
            await handler(int(job.payload or b"0"), urgent)
        except Exception:
            log.exception("chunk_failed")

    async def end_with_us() -> None:
        await stop.wait()
        engine.shutdown.set()

    ender = asyncio.create_task(end_with_us())
    try:
        await engine.run(
            batch_size=max(1, concurrency // 2),
            max_concurrent_tasks=concurrency,
            dequeue_timeout=_DEQUEUE_TIMEOUT,
            heartbeat_timeout=_HEARTBEAT_TIMEOUT,
            # Who hears nothing is restarted; who listens where nobody notifies would be all the time.
            shutdown_on_listener_failure=urgent,
        )
    finally:
        ender.cancel()
        with suppress(asyncio.CancelledError):
            await ender
