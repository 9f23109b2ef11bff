"""One's own server may be older than the private one: the whole schema and the hand-over run there too."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.support import rows

from disparo.cli.db import restore
from disparo.cli.upgrade import write_dump
from disparo.db import cluster, messages, postgres_binaries
from disparo.db.embedded import EmbeddedPostgres
from disparo.db.messages import Start
from disparo.db.migrate import HEAD, current_version
from disparo.db.pool import connect
from disparo.dispatch.prepare import prepare
from disparo.errors import DatabaseUnavailable, DisparoError


@pytest.fixture
def postgres_16(monkeypatch):
    wheel = postgres_binaries._wheel_folder()
    if not (wheel / "pginstall" / "bin" / "initdb").exists():
        pytest.skip("the wheel brings no PostgreSQL 16")
    monkeypatch.setattr(postgres_binaries, "_INSTALL", "pginstall")
    monkeypatch.setattr(cluster, "_locale_options", lambda _major: ["--locale=C"])
    folder = Path(tempfile.mkdtemp(prefix="disparo-16-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    yield server.start()
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_on_16(postgres_16):
    async def work():
        await prepare(postgres_16)
        connection = await asyncpg.connect(postgres_16)
        assert connection.get_server_version()[0] == 16
        ids = await rows.add_messages(connection, 3)
        worker, token = await rows.add_worker(connection), uuid4()
        chunk = await rows.chunk_of(connection, ids[0])
        assert await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=10) == ids
        started = await messages.start(
            connection, [Start(number, token, "texto", 1) for number in ids], platform="p", worker_id=worker
        )
        assert sorted(started) == ids
        await connection.close()

    asyncio.run(work())


def test_a_backup_of_the_private_server_restores_there(postgres_16, empty, tmp_path, monkeypatch):
    file = tmp_path / "copia.dump"
    monkeypatch.setattr(postgres_binaries, "_INSTALL", "pginstall18")
    monkeypatch.setenv("DISPARO_DATABASE_URL", postgres_16)

    async def before():
        await prepare(empty)
        connection = await asyncpg.connect(empty)
        await rows.add_messages(connection, 3)
        await connection.close()

    async def after(status):
        connection = await asyncpg.connect(postgres_16)
        made = await connection.fetchval("SELECT to_regclass('messages')")
        found = [] if made is None else await connection.fetch("SELECT status FROM messages")
        await connection.close()
        assert [row["status"] for row in found] == status

    asyncio.run(before())
    write_dump(empty, file)
    torn = tmp_path / "cortada.dump"
    torn.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(DisparoError, match=r"error: .*Nada foi alterado"):
        restore(torn)
    asyncio.run(after([]))
    restore(file)
    asyncio.run(after(["held"] * 3))


@pytest.fixture
def empty(admin_dsn):
    from tests.conftest import run_admin, with_database

    name = f"empty_{uuid4().hex}"
    run_admin(admin_dsn, f"CREATE DATABASE {name}")
    yield with_database(admin_dsn, name)
    run_admin(admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def test_several_processes_may_start_on_an_empty_database_at_once(empty):
    async def work():
        await asyncio.gather(*(prepare(empty) for _ in range(4)))
        connection = await connect(empty)
        assert await current_version(connection) == HEAD
        await connection.close()

    asyncio.run(work())


def test_a_database_of_a_newer_version_is_left_alone(empty):
    async def work():
        await prepare(empty)
        connection = await connect(empty)
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(DatabaseUnavailable, match="mais nova"):
            await prepare(empty)
        await connection.close()

    asyncio.run(work())


def test_a_backup_of_a_newer_version_leaves_an_empty_database(empty, new_database, tmp_path, monkeypatch):
    newer, file = new_database(), tmp_path / "copia.dump"

    async def run(dsn, statement):
        connection = await asyncpg.connect(dsn)
        found = await connection.fetchval(statement)
        await connection.close()
        return found

    asyncio.run(run(newer, "UPDATE alembic_version SET version_num = '9999'"))
    write_dump(newer, file)
    monkeypatch.setenv("DISPARO_DATABASE_URL", empty)
    with pytest.raises(DisparoError, match="versão mais nova do Disparo"):
        restore(file)
    assert asyncio.run(run(empty, "SELECT to_regclass('messages')")) is None


def test_a_server_without_fsync_is_refused(empty, admin_dsn):
    from tests.conftest import run_admin

    run_admin(admin_dsn, "ALTER SYSTEM SET fsync = off")
    run_admin(admin_dsn, "SELECT pg_reload_conf()")
    try:

        async def work():
            for _ in range(50):
                connection = await connect(empty)
                value = await connection.fetchval("SHOW fsync")
                await connection.close()
                if value == "off":
                    break
                await asyncio.sleep(0.05)
            with pytest.raises(DatabaseUnavailable, match="fsync"):
                await prepare(empty)

        asyncio.run(work())
    finally:
        run_admin(admin_dsn, "ALTER SYSTEM RESET fsync")
        run_admin(admin_dsn, "SELECT pg_reload_conf()")
