"""What workers do every few seconds reads a few rows, however many old messages lie beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from bench.history import add_history
from tests.support import bulk, rows

from disparo.db import bulk_runs, bulk_slices, day, lookups, prune, receipt_polls, signs, unsettled
from disparo.db.pool import Connection, Pool, open_pool
from disparo.db.receipts import Told
from disparo.dispatch import bulk_control, figures, sweep
from disparo.dispatch.alarms import Alarms
from disparo.dispatch.bulk_queue import queue_some
from disparo.dispatch.claims import Holder
from disparo.dispatch.give_back import give_back
from disparo.dispatch.prune import Retention, prune_some
from disparo.dispatch.receipts import apply_waiting, take
from disparo.domain.outcome import ReceiptEvent, ReceiptKind

pytestmark = pytest.mark.anyio

OLD = 20_000
TABLES = ("messages", "attempts", "receipts", "message_events", "dispatches", "platform_messages")
ZONE = ZoneInfo("America/Sao_Paulo")


def asked(statement: Callable[[Connection], Awaitable[object]]) -> Callable[[Pool], Awaitable[object]]:
    """Make a job of one statement that is asked only where a platform or a run calls for it."""

    async def job(pool: Pool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await statement(connection)

    return job


async def _take_chunk(connection: Connection) -> None:
    await bulk_slices.take_chunk(connection, await rows.add_worker(connection))


JOBS: dict[str, Callable[[Pool], Awaitable[object]]] = {
    "sweep": sweep.wake_forgotten_chunks,
    "give_back": lambda pool: give_back(pool, Holder(uuid4())),
    "chunks": sweep.end_emptied,
    "days": sweep.bring_back_days,
    "waits": sweep.bring_back_waiting,
    "counts": sweep.fold_counts,
    "day": sweep.fold_day,
    "receipts": apply_waiting,
    "receipt": asked(lambda c: take(c, [Told("parada", ReceiptEvent(ReceiptKind.SENT, "nova"))])),
    "alarms": lambda pool: Alarms(pool, zone=ZONE).look({}),
    "figures": figures.fold,
    "prune": lambda pool: prune_some(pool, Retention()),
    "prune_dispatches": asked(lambda c: prune.delete_old_dispatches(c, days=0, limit=10)),
    "polls": asked(lambda c: receipt_polls.fill(c, {"parada": 60.0}, limit=20_000)),
    "poll": asked(lambda c: receipt_polls.take(c, "parada", after_s=60.0, look_at=1_000)),
    "uncertain": asked(
        lambda c: unsettled.uncertain_references(c, ["parada"], older_s=60, younger_s=86_400, limit=50)
    ),
    "bulk_look": asked(bulk_runs.is_any_left),
    "bulk_queue": lambda pool: queue_some(pool, bulk.RULES),
    "bulk_take": asked(_take_chunk),
    "bulk_sent": asked(bulk_runs.finish_sent),
    "bulk_cancelled": bulk_control.finish_cancelled,
    "bulk_ended": bulk_control.free_of_ended,
}


@asynccontextmanager
async def reading(connection: asyncpg.Connection) -> AsyncIterator[dict[str, int]]:
    """Give, when done, how many rows and index entries of each table were read meanwhile."""
    before, read = await _so_far(connection), {}
    yield read
    after = await _so_far(connection)
    read.update({table: after[table] - before[table] for table in TABLES})


async def _so_far(connection: asyncpg.Connection) -> dict[str, int]:
    found = await connection.fetch(
        """SELECT t.relname, coalesce(t.seq_tup_read, 0) + coalesce(sum(i.idx_tup_read), 0)::bigint AS total
           FROM pg_stat_user_tables t
           LEFT JOIN pg_stat_user_indexes i
             ON i.relid = t.relid AND i.indexrelname NOT IN ('attempts_started', 'message_events_at')
           WHERE t.relname = ANY($1) GROUP BY t.relid, t.relname, t.seq_tup_read""",
        list(TABLES),
    )
    return {row["relname"]: row["total"] for row in found}


@pytest.fixture
async def beside_many(connection):
    """Messages of half an hour to an hour and a half ago, such as alarms look at."""
    await add_history(connection, OLD)
    await connection.execute("UPDATE attempts SET started_at = now() - interval '45 minutes'")
    await connection.execute("UPDATE messages SET created_at = now() - interval '45 minutes'")
    await connection.execute("UPDATE receipts SET received_at = now() - interval '45 minutes'")
    await connection.execute("UPDATE dispatches SET created_at = now() - interval '45 minutes'")
    await connection.execute("VACUUM ANALYZE")
    await rows.add_messages(connection, 3, kind="single", chunk_id=5)
    # What it read itself is not to be told later.
    await connection.execute("SELECT pg_stat_force_next_flush()")
    return connection


async def test_no_job_of_a_worker_reads_what_is_old(beside_many, dsn):
    much = {}
    async with open_pool(dsn, size=1) as pool:  # one session, so that it is known what it read
        for name, job in JOBS.items():
            await job(pool)  # what it does once, for all that has come since, is done
            await _tell(pool)
            async with reading(beside_many) as read:
                await job(pool)
                await _tell(pool)
            much |= {(name, table): rows for table, rows in read.items() if rows > OLD / 4}
    assert not much


async def test_the_life_of_a_phones_messages_is_found_among_all_others(beside_many, dsn):
    """As `disparo mensagem buscar` does, by either of the two."""
    phone, invoice = await beside_many.fetchrow("SELECT e164, invoice_id FROM messages LIMIT 1")
    async with open_pool(dsn, size=1) as pool, reading(beside_many) as read:
        async with pool.acquire() as connection:
            assert await lookups.lives(connection, e164=phone, limit=20)
            assert await lookups.lives(connection, invoice_id=invoice, limit=20)
        await _tell(pool)
    assert max(read.values()) < OLD / 4


async def _tell(pool: Pool) -> None:
    """Have the session tell the server what it read: by itself it does so now and then only."""
    async with pool.acquire() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")


async def test_what_alarms_say_of_silence(beside_many):
    assert await signs.silent_platforms(beside_many) == {"parada": False}
    await beside_many.execute("UPDATE messages SET status = 'accepted' WHERE status = 'delivered'")
    assert await signs.silent_platforms(beside_many) == {"parada": True}
    few = [row["id"] for row in await beside_many.fetch("SELECT id FROM attempts ORDER BY id LIMIT 30")]
    await beside_many.execute("UPDATE attempts SET platform = 'rara' WHERE id = ANY($1)", few)
    found = await signs.silent_platforms(beside_many)
    assert found == {"parada": True, "rara": True}


async def test_the_oldest_evidence_goes_and_nothing_else(beside_many):
    await beside_many.execute("UPDATE receipts SET received_at = now() - interval '11 days' WHERE id <= 7")
    assert await prune.delete_old_evidence(beside_many, "receipts", days=10, limit=5) == 5
    assert await prune.delete_old_evidence(beside_many, "receipts", days=10, limit=5) == 2
    assert await beside_many.fetchval("SELECT count(*) FROM receipts") == OLD - 7


async def test_a_piece_of_the_day_grows_with_each_folding(connection):
    await rows.add_messages(connection, 2)
    await connection.execute("UPDATE message_events SET at = now() - interval '180 seconds'")
    await day.fold(connection)
    await connection.execute("UPDATE event_figures_until SET until = now() - interval '150 seconds'")
    await rows.add_messages(connection, 3, first_id=10)
    await connection.execute(
        "UPDATE message_events SET at = now() - interval '120 seconds' WHERE at > now() - interval '100 seconds'"
    )
    await day.fold(connection)
    assert await connection.fetchval("SELECT sum(total) FROM event_figures WHERE status = 'new'") == 5
