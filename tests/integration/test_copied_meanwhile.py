"""The database becomes a copy under a working worker: what it shows as waiting may have gone (docs/delivery.md §8)."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from tests.faults.proxy import Proxy
from tests.integration.test_promotion import folder, led_by, make_standby, socket_of
from tests.integration.test_restored_in_place import run
from tests.support import rows

from disparo import queue
from disparo.db import messages
from disparo.db.embedded import EmbeddedPostgres
from disparo.db.libpq import libpq_environment
from disparo.dispatch.prepare import prepare
from disparo.dispatch.reconcile import resume_some
from disparo.dispatch.rules import Rules
from disparo.dispatch.worker import Worker, WorkerPlan, WorkerSettings
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.domain.routing import Route
from disparo.platforms.base import Capabilities

pytestmark = pytest.mark.anyio

RULES = Rules("X", None, ZoneInfo("America/Sao_Paulo"), 3, allow_paid=False, is_holiday=lambda *_: False)

__all__ = ["folder"]


class Taking:
    """Takes what it is given."""

    name = "p"
    link = None

    def __init__(self):
        self.unknown_codes = {}
        self.capabilities = Capabilities()
        self.sent = []

    def listen(self, hear):
        pass

    async def send(self, batch, _report=None):
        self.sent += [message.e164 for message in batch]
        return [Outcome(OutcomeKind.ACCEPTED, platform_id=message.reference) for message in batch]

    async def close(self):
        pass


@asynccontextmanager
async def working(dsn, platform):
    """A worker, begun anew where it ends, as its parent does."""
    stop = asyncio.Event()

    async def for_ever():
        while not stop.is_set():
            plan = WorkerPlan({"p": platform}, (Route("p"),), RULES)
            await Worker(dsn, plan=plan, settings=WorkerSettings(10_000)).run(stop)

    running = asyncio.create_task(for_ever())
    yield
    stop.set()
    await running


async def waiting(dsn) -> list[int]:
    connection = await asyncpg.connect(dsn)
    ids = await rows.add_messages(connection, 20)
    await queue.enqueue(connection, [queue.WakeUp(await rows.chunk_of(connection, ids[0]))])
    await connection.close()
    return ids


async def until_all_are(dsn, status, ids):
    connection = await asyncpg.connect(dsn)
    async with asyncio.timeout(40):
        while await rows.statuses(connection, ids) != [status] * len(ids):
            await asyncio.sleep(0.1)
    await connection.close()


async def go_on(dsn, ids):
    """A person looked at what is held, and lets it go."""
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        assert await resume_some(connection, actor="pessoa") == (ids, True)
    await connection.close()
    await until_all_are(dsn, "accepted", ids)


async def test_nothing_is_claimed_in_a_copy_that_nobody_noticed_yet(dsn, connection):
    assert await prepare(dsn)
    ids = await rows.add_messages(connection, 2)
    worker, chunk = await rows.add_worker(connection), await rows.chunk_of(connection, ids[0])
    await connection.execute("UPDATE installation SET timeline = timeline + 1")
    assert await messages.claim(connection, worker, token=uuid4(), chunk_id=chunk, limit=500) == []
    await connection.execute("UPDATE installation SET timeline = timeline - 1")
    assert await messages.claim(connection, worker, token=uuid4(), chunk_id=chunk, limit=500) == ids


async def test_a_standby_that_was_behind_sends_nothing_again(folder):
    primary = EmbeddedPostgres(folder / "primary")
    dsn = await asyncio.to_thread(primary.start)
    standby = None
    try:
        assert await prepare(dsn)
        ids = await waiting(dsn)
        # It hears no more of the primary.
        standby = await asyncio.to_thread(make_standby, primary, folder / "standby")
        leads_to = socket_of(dsn)
        name = Proxy(lambda: asyncio.open_unix_connection(leads_to))
        await name.start()
        platform = Taking()
        async with working(led_by(name, dsn), platform):
            await until_all_are(dsn, "accepted", ids)
            os.kill(primary.pid, signal.SIGKILL)
            await asyncio.to_thread(primary.stop)
            promoted = await asyncio.to_thread(standby.start)
            admin = await asyncpg.connect(standby.admin_dsn)
            assert await admin.fetchval("SELECT pg_promote()")
            await admin.close()
            leads_to = socket_of(promoted)
            name.cut()
            await until_all_are(promoted, "held", ids)
            assert len(platform.sent) == 20
            await go_on(promoted, ids)
        name.shut()
    finally:
        await asyncio.to_thread(primary.stop)
        if standby is not None:
            await asyncio.to_thread(standby.stop)


async def test_a_backup_loaded_into_it_sends_nothing_again(dsn, tmp_path):
    assert await prepare(dsn)
    ids = await waiting(dsn)
    dump, base = str(tmp_path / "copy.dump"), libpq_environment(dsn)["PGDATABASE"]
    run(dsn, "pg_dump", "--format=custom", f"--file={dump}")
    platform = Taking()
    async with working(dsn, platform):
        await until_all_are(dsn, "accepted", ids)
        await asyncio.to_thread(run, dsn, "pg_restore", "--clean", "--if-exists", f"--dbname={base}", dump)
        await until_all_are(dsn, "held", ids)
        assert len(platform.sent) == 20
        await go_on(dsn, ids)
