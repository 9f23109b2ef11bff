"""A real standby, made with pg_basebackup, promoted after its primary was killed (docs/delivery.md §8)."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from tests.conftest import with_database
from tests.faults.proxy import Proxy
from tests.support import rows

from disparo import queue
from disparo.db import messages
from disparo.db.embedded import EmbeddedPostgres
from disparo.db.messages import Start
from disparo.db.pool import open_pool
from disparo.db.postgres_binaries import find_runner
from disparo.dispatch.prepare import prepare
from disparo.dispatch.reconcile import resume_some
from disparo.queue.hands import Hands

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="disparo-standby-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def make_standby(primary: EmbeddedPostgres, data_dir: Path) -> EmbeddedPostgres:
    """Copy a running primary into a data folder that a server of ours can be started on."""
    runner = find_runner(data_dir)
    data_dir.mkdir(mode=0o711)
    runner.own(data_dir)
    address = urlsplit(primary.admin_dsn)
    name = ["-h", parse_qs(address.query)["host"][0], "-U", address.username or ""]
    subprocess.run(
        runner.command(
            "pg_basebackup", "-D", str(data_dir / "postgres"), "-R", "-X", "stream", "-c", "fast", *name
        ),
        env={**os.environ, "PGPASSWORD": address.password or ""},
        check=True,
        capture_output=True,
        cwd="/",
    )
    secret = data_dir / "database.secret"
    shutil.copy(data_dir.parent / "primary" / secret.name, secret)
    secret.chmod(0o600)
    return EmbeddedPostgres(data_dir)


async def one_of_each(dsn: str) -> list[int]:
    """Messages queued, claimed, sending and accepted, in this order."""
    connection = await asyncpg.connect(dsn)
    ids = await rows.add_messages(connection, 4)
    worker, token = await rows.add_worker(connection), uuid4()
    chunk = await rows.chunk_of(connection, ids[0])
    await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500)
    await connection.execute(
        "UPDATE messages SET status = 'queued', claim_token = NULL WHERE id = $1", ids[0]
    )
    starts = [Start(number, token, "t", 1) for number in ids[2:]]
    await messages.start(connection, starts, platform="p", worker_id=worker)
    await connection.execute("UPDATE messages SET status = 'accepted' WHERE id = $1", ids[3])
    await connection.close()
    return ids


async def caught_up(primary_dsn: str, standby_dsn: str) -> None:
    primary = await asyncpg.connect(primary_dsn)
    standby = await asyncpg.connect(standby_dsn)
    written = await primary.fetchval("SELECT pg_current_wal_lsn()")
    for _ in range(200):
        if await standby.fetchval("SELECT pg_last_wal_replay_lsn() >= $1", written):
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("the standby does not follow")
    await primary.close()
    await standby.close()


async def test_a_promoted_standby_holds_what_may_already_have_gone(folder):
    primary = EmbeddedPostgres(folder / "primary")
    dsn = await asyncio.to_thread(primary.start)
    standby = None
    try:
        assert await prepare(dsn)
        standby = await asyncio.to_thread(make_standby, primary, folder / "standby")
        there = await asyncio.to_thread(standby.start)
        ids = await one_of_each(dsn)
        await caught_up(dsn, with_database(standby.admin_dsn, "disparo"))
        os.kill(primary.pid, signal.SIGKILL)
        await asyncio.to_thread(primary.stop)

        admin = await asyncpg.connect(standby.admin_dsn)
        assert await admin.fetchval("SELECT pg_promote()")
        await admin.close()
        assert not await prepare(there)
        connection = await asyncpg.connect(there)
        assert await rows.statuses(connection, ids) == ["held", "held", "uncertain", "accepted"]

        async with connection.transaction():
            assert await resume_some(connection, actor="pessoa") == (ids[:2], True)
        chunk = await rows.chunk_of(connection, ids[0])
        assert await queue.chunks_with_entry(connection, [chunk]) == {chunk}
        await connection.close()
        async with open_pool(there) as pool:  # the wake-up table, which no standby holds, works again
            seen: list[int] = []
            stop = asyncio.Event()

            async def handler(chunk_id: int, _urgent: bool) -> None:
                seen.append(chunk_id)
                stop.set()

            async with asyncio.timeout(20):
                await queue.run(pool, handler, hands=Hands(2), stop=stop)
            assert seen == [chunk]
    finally:
        await asyncio.to_thread(primary.stop)
        if standby is not None:
            await asyncio.to_thread(standby.stop)


def socket_of(dsn: str) -> str:
    return parse_qs(urlsplit(dsn).query)["host"][0] + "/.s.PGSQL.5432"


def led_by(name: Proxy, dsn: str) -> str:
    """The address of a database through a name that may lead to another one later."""
    there = urlsplit(dsn)
    who = there.netloc.rpartition("@")[0]
    return urlunsplit(there._replace(netloc=f"{who}@127.0.0.1:{name.port}", query=""))


async def test_who_was_led_to_a_standby_goes_on_where_the_name_leads_by_then(folder):
    """A name that follows the primary late: nobody cuts the sessions that were opened at the standby."""
    primary = EmbeddedPostgres(folder / "primary")
    dsn = await asyncio.to_thread(primary.start)
    standby = None
    try:
        assert await prepare(dsn)
        standby = await asyncio.to_thread(make_standby, primary, folder / "standby")
        await asyncio.to_thread(standby.start)
        leads_to = socket_of(standby.admin_dsn)
        name = Proxy(lambda: asyncio.open_unix_connection(leads_to))
        await name.start()
        async with open_pool(led_by(name, dsn), size=2, whole=True) as pool, asyncio.timeout(20):
            for _ in range(3):
                with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                    await rows.add_worker(pool)
            leads_to = socket_of(dsn)
            for _ in range(3):
                with suppress(asyncpg.ReadOnlySQLTransactionError):
                    await rows.add_worker(pool)
            await rows.add_worker(pool)
        name.shut()
    finally:
        await asyncio.to_thread(primary.stop)
        if standby is not None:
            await asyncio.to_thread(standby.stop)


async def test_a_session_that_was_opened_while_all_were_read_only_is_not_kept(dsn, connection):
    """As managed databases make new sessions while a disk is full: the setting stays with each of them."""
    database = urlsplit(dsn).path.lstrip("/")
    await connection.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    async with open_pool(dsn, size=2, whole=True) as pool:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await rows.add_worker(pool)
        await connection.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
        for _ in range(2):
            with suppress(asyncpg.ReadOnlySQLTransactionError):
                await rows.add_worker(pool)
        await rows.add_worker(pool)
