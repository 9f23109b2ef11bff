"""An upgrade beside servers and workers that are leaving or stay, and one that loses its connection."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from disparo.cli.upgrade import prepare_with_backup
from disparo.db.migrate import HEAD, _run_alembic, current_version
from disparo.db.pool import TRANSIENT, connected, open_pool
from disparo.dispatch.prepare import prepare
from disparo.settings import Settings

pytestmark = pytest.mark.anyio


async def version_of(dsn):
    async with connected(dsn) as connection:
        return await current_version(connection)


async def start(dsn, folder, *command, **more):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "disparo", *command),
        env={"DISPARO_DATABASE_URL": dsn, "DISPARO_DATA_DIR": str(folder), **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


async def end_of(started):
    try:
        async with asyncio.timeout(60):
            said = (await started.communicate())[1].decode()
    finally:
        if started.returncode is None:
            started.kill()
    return started.returncode, said


async def test_whoever_is_just_leaving_is_waited_for(empty_dsn, tmp_path):
    await _run_alembic(empty_dsn, "0012")
    settings = Settings(data_dir=tmp_path, database_url=empty_dsn)
    async with AsyncExitStack() as old:
        await old.enter_async_context(open_pool(empty_dsn, size=1, name="disparo-worker", whole=True))
        upgrade = asyncio.create_task(prepare_with_backup(settings, empty_dsn))
        async with connected(empty_dsn) as looking, asyncio.timeout(20):
            turn = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted)"
            while not await looking.fetchval(turn):
                await asyncio.sleep(0.01)
        assert await version_of(empty_dsn) == "0012"
    assert await upgrade
    assert await version_of(empty_dsn) == HEAD


@pytest.mark.parametrize("command", [["worker"], ["serve", "--porta", "0"], ["run", "--porta", "0"]])
async def test_no_process_upgrades_under_a_worker_of_the_older_version(empty_dsn, tmp_path, command):
    await _run_alembic(empty_dsn, "0012")
    async with open_pool(empty_dsn, size=1, name="disparo-worker", whole=True):
        status, said = await end_of(await start(empty_dsn, tmp_path, *command))
        assert status == 1, said
        assert "de uma versão anterior ainda usam este banco" in said
        assert await version_of(empty_dsn) == "0012"


@asynccontextmanager
async def cut_while_it_waits(dsn):
    """End the session that changes the tables, which somebody else keeps it from."""
    mine = "datname = current_database() AND pid <> pg_backend_pid()"
    async with connected(dsn) as other, other.transaction(), connected(dsn) as cutter, asyncio.timeout(30):
        await other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        yield
        cut = f"""SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                  WHERE {mine} AND wait_event_type = 'Lock' AND wait_event = 'relation'"""
        while not await cutter.fetchval(cut):
            await other.fetchval("SELECT 1")  # or it would be ended as idle
            await asyncio.sleep(0.02)


async def test_a_connection_that_is_lost_meanwhile_is_a_fault_of_the_moment(empty_dsn):
    await _run_alembic(empty_dsn, "0012")
    async with cut_while_it_waits(empty_dsn):
        upgrade = asyncio.create_task(prepare(empty_dsn))
    with pytest.raises(TRANSIENT):
        await upgrade
    assert await version_of(empty_dsn) == "0012"
    assert await prepare(empty_dsn)


@pytest.mark.parametrize("command", [["run", "--porta", "0"], ["usuario", "listar"]])
async def test_it_is_said_in_words(empty_dsn, tmp_path, command):
    await _run_alembic(empty_dsn, "0012")
    async with cut_while_it_waits(empty_dsn):
        started = await start(empty_dsn, tmp_path, *command, DISPARO_UPGRADE_BACKUP="no")
    status, said = await end_of(started)
    assert (status, said.splitlines()[-1][:6], "Traceback" in said) == (1, "Erro: ", False), said
    assert await version_of(empty_dsn) == "0012"
