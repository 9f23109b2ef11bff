"""The queue engine behind a narrow port: it wakes a worker for a chunk of messages, nothing more.

The message table is the truth. An entry here may vanish or run twice without harm: a claim finds nothing
the second time, and a sweep makes entries for due chunks that have none.

The engine is loaded when it is first needed: it takes longer than all else a command loads, and few do.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

import asyncpg

from disparo.queue.hands import Hands

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy
    from pgqueuer.domain.settings import DBSettings
    from pgqueuer.queries import Queries

    _Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

#: Two ways in, so that a bulk run that fills one of them never stands before a single call in the other.
BULK, URGENT = KINDS = "chunk", "urgent"
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
COMMENT ON TABLE {queue} IS '{state}';
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


async def is_up_to_date(connection: _Connection) -> bool:
    """Tell whether there is nothing to install: the tables are ours, and of this release.

    To change a table is to wait for everybody who has begun to use it, with all others waiting behind: for a
    process that is frozen in the middle of a statement, as long as it stays so.
    """
    found = await connection.fetchval(
        "SELECT obj_description(oid, 'pg_class') FROM pg_class WHERE oid = to_regclass($1) "
        "AND pg_has_role(relowner, 'USAGE')",
        table(),
    )
    return bool(found == _state())


async def install(connection: _Connection) -> None:
    """Create the engine's tables, or bring those of an older release up to this one's."""
    queries = _queries(connection)
    if await queries.schema_is_installed():
        await queries.upgrade()
    else:
        await queries.install()
    # The table says last what it is: an installation that was broken off is done again.
    changes = _OURS.format(queue=table(), log=_names().queue_table_log, state=_state())
    await connection.execute(changes)


async def enqueue(connection: _Connection, wake_ups: Sequence[WakeUp]) -> None:
    """Add entries inside the caller's transaction; a chunk that has a live entry keeps that one."""
    if not wake_ups:
        return
    queries = _queries(connection)
    await queries.enqueue(
        [URGENT if item.urgent else BULK for item in wake_ups],
        [str(item.chunk_id).encode() for item in wake_ups],
        [int(item.urgent) for item in wake_ups],
        [timedelta(seconds=item.delay_s) for item in wake_ups],
        [_key(item.chunk_id) for item in wake_ups],
        on_conflict="skip",
    )


async def pass_on(connection: _Connection, wake_up: WakeUp) -> None:
    """Have a chunk woken once more, from within the handler of its entry, that is worked on with this."""
    await connection.execute(
        f"DELETE FROM {table()} WHERE status = 'picked' AND dedupe_key = $1",  # noqa: S608 - the engine's own
        _key(wake_up.chunk_id),
    )
    await enqueue(connection, [wake_up])


async def hold(connection: _Connection, chunk_id: int) -> bool:
    """Keep a chunk's entry from being picked until the caller's transaction ends; False where none waits.

    Messages added to the chunk meanwhile are there for whoever picks it.
    """
    found = await connection.fetchval(
        f"SELECT true FROM {table()} "  # noqa: S608 - the engine's own table name
        "WHERE status = 'queued' AND dedupe_key = $1 FOR SHARE",
        _key(chunk_id),
    )
    return bool(found)


async def chunks_with_entry(connection: _Connection, chunk_ids: Sequence[int]) -> set[int]:
    """Tell which of these chunks have an entry that waits or runs."""
    rows = await connection.fetch(
        f"SELECT dedupe_key FROM {table()} "  # noqa: S608 - the engine's own table name
        "WHERE status IN ('queued', 'picked') AND dedupe_key = ANY($1)",
        [_key(chunk_id) for chunk_id in chunk_ids],
    )
    return {int(row["dedupe_key"].rpartition(":")[2]) for row in rows}


async def bring_forward(connection: _Connection, chunk_ids: Sequence[int]) -> None:
    """Have the waiting entries of these chunks picked at once, whenever they were to be."""
    await connection.execute(
        f"UPDATE {table()} SET execute_after = now() "  # noqa: S608 - the engine's own table name
        "WHERE status = 'queued' AND execute_after > now() AND dedupe_key = ANY($1)",
        [_key(chunk_id) for chunk_id in chunk_ids],
    )


def table() -> str:
    """Give the name of the table of entries."""
    return _names().queue_table


def _state() -> str:
    ours = hashlib.sha256(_OURS.encode()).hexdigest()[:8]
    return f"pgqueuer {version('pgqueuer')}, disparo {ours}"


def _names() -> DBSettings:
    from pgqueuer.domain.settings import db_settings

    return db_settings()


def _queries(connection: _Connection) -> Queries:
    from pgqueuer.queries import Queries

    return Queries.from_asyncpg_connection(connection)  # type: ignore[arg-type]  # proxies have its methods


def _key(chunk_id: int) -> str:
    return f"{BULK}:{chunk_id}"


async def kinds_overdue(connection: _Connection, *, overdue_s: float) -> set[str]:
    """Tell of which kinds an entry should have been picked so long ago, with nobody holding it."""
    found = set()
    for kind in KINDS:
        if await connection.fetchval(
            f"SELECT true FROM {table()} "  # noqa: S608 - the engine's own table name
            "WHERE status = 'queued' AND entrypoint = $1 "
            "AND execute_after < now() - make_interval(secs => $2) LIMIT 1 FOR SHARE SKIP LOCKED",
            kind,
            overdue_s,
        ):
            found.add(kind)
    return found


async def run(
    pool: asyncpg.Pool[asyncpg.Record], handler: Handler, *, hands: Hands, stop: asyncio.Event
) -> None:
    """Call `handler` with each chunk, and whether it is urgent, until `stop`; a dead engine is started anew.

    `hands.at_once` chunks of each kind run at once. A handler that raises is logged and its entry kept
    aside: the sweep makes a new one.
    """
    from disparo.queue.engine import keep_running

    async with asyncio.TaskGroup() as group:
        for entrypoint in KINDS:
            group.create_task(keep_running(pool, entrypoint, handler, hands=hands, stop=stop))
