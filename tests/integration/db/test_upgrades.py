"""From every earlier revision forward with the data in it, after a copy that the way back is made of."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from tests.conftest import run_admin, with_database

from disparo.cli import upgrade
from disparo.cli.context import _refuse_to_upgrade, prepare_for_command, prepare_patiently
from disparo.cli.upgrade import prepare_with_backup
from disparo.db import pool
from disparo.db.migrate import HEAD, _run_alembic, current_version, migrate, revisions
from disparo.db.numbers import fill_slice
from disparo.db.pool import connect, open_pool
from disparo.db.postgres_binaries import client_program
from disparo.dispatch.prepare import prepare
from disparo.errors import DatabaseUnavailable
from disparo.log import mask_text
from disparo.settings import Settings

#: As the first version wrote them: no column of a later revision is named.
ROWS = """
INSERT INTO customers (id, name, uf, phone_1) VALUES (1, 'ANA', 'SP', '11988880001');
INSERT INTO invoices (id, customer_id, amount, due_date) VALUES (1, 1, 10, current_date);
INSERT INTO dispatches (id, queue, purpose, tries, timeout_s, invoice_ids, starts_at)
VALUES ('00000000-0000-4000-8000-000000000001', 'sms', 'requested', 1, 60, '{1}', now());
INSERT INTO messages (dispatch_id, invoice_id, customer_id, origin, name, phone, e164, reference, actor, due_at,
                      wait_since, chunk_id)
VALUES ('00000000-0000-4000-8000-000000000001', 1, 1, 'customer', 'ANA', '11988880001', '+5511988880001', 'r1',
        'test', now() + interval '1 h', now(), nextval('chunks_id_seq'));
"""


@pytest.fixture
def older(admin_dsn):
    """Makes databases of an earlier revision with a few rows in them."""
    made = []

    def make(revision):
        name = f"older_{uuid4().hex}"
        run_admin(admin_dsn, f"CREATE DATABASE {name}")
        made.append(name)
        dsn = with_database(admin_dsn, name)

        async def fill():
            await _run_alembic(dsn, revision)
            connection = await asyncpg.connect(dsn)
            await connection.execute(ROWS)
            await connection.close()

        asyncio.run(fill())
        return dsn

    yield make
    for name in made:
        run_admin(admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def value(dsn, query):
    async def work():
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(work())


@pytest.mark.parametrize("revision", revisions()[:-1])
def test_forward_from_every_revision(older, tmp_path, revision):
    dsn = older(revision)
    assert asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path), dsn))
    assert value(dsn, "SELECT version_num FROM alembic_version") == HEAD
    assert value(dsn, "SELECT status || phone FROM messages") == "queued11988880001"
    (copy,) = (tmp_path / "backups").iterdir()
    assert (copy.stat().st_mode & 0o777, copy.suffix) == (0o600, ".dump")
    assert (tmp_path / "backups").stat().st_mode & 0o777 == 0o700
    assert mask_text(copy.name) == copy.name  # a line of the log says which file it is
    listed = subprocess.run(
        [client_program("pg_restore"), "-l", copy], capture_output=True, text=True, check=True
    )
    assert "TABLE DATA public messages" in listed.stdout


def test_what_was_no_phone_is_read_anew(older, tmp_path):
    dsn = older("0022")
    for table, column, allowed, owner in (
        ("customers", "phone_1", "phone_1_allowed", ""),
        ("contacts", "phone", "sms_allowed", "1, "),
    ):
        columns = f"{'customer_id, ' if owner else ''}id, name, {allowed}, {column}, sms_numbers, no_sms"
        read_before = (
            "(11, '', true, 'tel: 11988880011', '{}', '{invalid:11988880011}')",
            "(12, '', true, '11988880012', '{11988880012}', '{}')",
            "(13, '', true, '1133334444', '{}', '{landline:1133334444}')",
        )
        for row in read_before:
            value(dsn, f"INSERT INTO {table} ({columns}) VALUES {row.replace('(', f'({owner}', 1)}")
    assert asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path), dsn))
    for table in ("customers", "contacts"):
        unread = f"SELECT string_agg(id::text, ' ') FROM {table} WHERE id > 10 AND sms_numbers IS NULL"
        assert value(dsn, unread) == "11"
    assert asyncio.run(_filled(dsn)) == 1 + 1 + 1  # the first was never read
    for table in ("customers", "contacts"):
        assert value(dsn, f"SELECT sms_numbers FROM {table} WHERE id = 11") == ["11988880011"]


def test_what_was_a_strangers_phone_is_read_anew(older, tmp_path):
    dsn = older("0025")
    fields = ["1198887776.0", "+55 98888-7777", "11988880012", "+55 11 98888-0013", "Vivo 11988880014"]
    for table, column, owner in (("customers", "phone_3", ""), ("contacts", "phone", "customer_id, ")):
        for id_, field in enumerate(fields, 11):
            was = "{invalid:11988880014}" if "Vivo" in field else "{}"
            values = f"{'1, ' if owner else ''}{id_}, '', '{field}', '{{11000000000}}', '{was}'"
            columns = f"{owner}id, name, {column}, sms_numbers, no_sms"
            value(dsn, f"INSERT INTO {table} ({columns}) VALUES ({values})")
    assert asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path), dsn))
    for table in ("customers", "contacts"):
        unread = (
            f"SELECT string_agg(id::text, ' ' ORDER BY id) FROM {table} WHERE id > 10 AND sms_numbers IS NULL"
        )
        assert value(dsn, unread) == "11 12 15"


async def _filled(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        return await fill_slice(connection)
    finally:
        await connection.close()


def test_a_database_of_this_version_is_not_copied(older, tmp_path):
    dsn = older(HEAD)
    asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path), dsn))
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_together_make_one_copy(older, tmp_path):
    dsn = older("0001")

    async def work():
        settings = Settings(data_dir=tmp_path)
        assert all(await asyncio.gather(*(prepare_with_backup(settings, dsn) for _ in range(4))))

    asyncio.run(work())
    assert len(list((tmp_path / "backups").iterdir())) == 1
    assert value(dsn, "SELECT version_num FROM alembic_version") == HEAD


def test_without_a_copy_the_private_database_is_left_alone(older, tmp_path):
    dsn = older("0001")
    (tmp_path / "backups").touch()  # no folder can be made there
    with pytest.raises(DatabaseUnavailable, match="Nada foi alterado"):
        asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path), dsn))
    assert value(dsn, "SELECT version_num FROM alembic_version") == "0001"
    assert asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path, upgrade_backup=False), dsn))


def test_ones_own_server_that_pg_dump_cannot_copy_is_upgraded_and_it_is_said(older, tmp_path, monkeypatch):
    def refuse(*_):
        raise upgrade.DisparoError("pg_dump falhou: versão do servidor")

    monkeypatch.setattr(upgrade, "write_dump", refuse)
    said = []
    monkeypatch.setattr(upgrade.log, "warning", lambda event, **_more: said.append(event))
    dsn = older("0001")
    assert asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path, database_url=dsn), dsn))
    assert said == ["database_is_upgraded_without_a_copy"]
    assert asyncio.run(_version(dsn)) == HEAD


async def _version(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        return await current_version(connection)
    finally:
        await connection.close()


def test_a_copy_that_fails_leaves_nothing_behind(older, tmp_path, monkeypatch):
    program = tmp_path / "pg_dump"
    program.write_text(
        '#!/bin/sh\nfor part in "$@"; do case $part in --file=*) echo x > "${part#--file=}";; esac; done\nexit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(upgrade, "client_program", lambda _name: str(program))
    dsn = older("0012")
    with pytest.raises(DatabaseUnavailable, match="O backup antes da atualização falhou"):
        asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path), dsn))
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_command_of_a_new_version_changes_nothing_under_an_old_one(older):
    dsn = older("0012")
    with pytest.raises(DatabaseUnavailable, match="versão anterior"):
        asyncio.run(_refuse_to_upgrade(dsn))
    assert asyncio.run(_version(dsn)) == "0012"


def test_nor_does_a_process_that_an_old_one_starts_anew(older, tmp_path, monkeypatch):
    """The program was exchanged while it ran; its others know no newer tables, and it promised a copy."""
    monkeypatch.setattr("disparo.cli.context._PATIENCE_S", 0.0)
    dsn = older("0012")
    settings = Settings(data_dir=tmp_path, database_url=dsn)
    with pytest.raises(DatabaseUnavailable, match="versão anterior"):
        asyncio.run(prepare_patiently(settings, dsn, may_upgrade=False))
    assert asyncio.run(_version(dsn)) == "0012"
    assert asyncio.run(prepare_patiently(settings, dsn, may_upgrade=True))
    assert asyncio.run(prepare_patiently(settings, dsn, may_upgrade=False))


@pytest.mark.parametrize("start", [prepare_for_command, prepare_with_backup])
@pytest.mark.parametrize("name", ["disparo-server", "disparo-worker"])
def test_nor_under_one_on_another_machine(older, tmp_path, monkeypatch, name, start):
    monkeypatch.setattr(upgrade, "_LEAVING_S", 0.0)
    dsn = older("0012")
    settings = Settings(data_dir=tmp_path, database_url=dsn)

    async def beside(name):
        async with open_pool(dsn, size=1, name=name):
            await start(settings, dsn)

    with pytest.raises(DatabaseUnavailable, match="versão anterior"):
        asyncio.run(beside(name))
    assert asyncio.run(_version(dsn)) == "0012"
    asyncio.run(beside("disparo-cli"))  # another command keeps nobody from it
    assert asyncio.run(_version(dsn)) == HEAD


@pytest.mark.parametrize("command", [["execucao", "listar"], ["sincronizar", "situacao"]])
def test_whichever_command_comes_first_copies_the_database_before_it_is_changed(older, tmp_path, command):
    dsn = older("0012")
    done = subprocess.run(
        [sys.executable, "-m", "disparo", *command],
        env={**os.environ, "DISPARO_DATABASE_URL": dsn, "DISPARO_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(list((tmp_path / "backups").glob("*.dump"))) == 1, done.stderr
    assert asyncio.run(_version(dsn)) == HEAD


def test_tables_that_a_nightly_copy_holds_are_told_of_and_left_as_they_are(older, tmp_path, monkeypatch):
    dsn = older("0001")
    monkeypatch.setitem(pool._SESSION, "lock_timeout", "200ms")

    async def beside_a_copy():
        connection = await asyncpg.connect(dsn)
        async with connection.transaction():
            await connection.execute("LOCK TABLE messages IN ACCESS SHARE MODE")  # as pg_dump does
            with pytest.raises(DatabaseUnavailable, match="pg_dump que ainda copia"):
                await prepare_with_backup(Settings(data_dir=tmp_path), dsn)
        await connection.close()
        assert await prepare_with_backup(Settings(data_dir=tmp_path), dsn)

    asyncio.run(beside_a_copy())
    assert value(dsn, "SELECT version_num FROM alembic_version") == HEAD


def test_who_may_make_no_tables_is_told_what_to_do(admin_dsn, empty_dsn):
    run_admin(admin_dsn, "CREATE ROLE visitor LOGIN PASSWORD 'x'")
    try:
        parts = urlsplit(empty_dsn)
        dsn = urlunsplit(parts._replace(netloc=f"visitor:x@{parts.netloc.rpartition('@')[2]}"))
        with pytest.raises(DatabaseUnavailable, match="OWNER TO visitor;"):
            asyncio.run(migrate(dsn))
    finally:
        run_admin(admin_dsn, "DROP ROLE visitor")


def said_by_a_command(dsn, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "disparo", "execucao", "listar"],
        env={**os.environ, "DISPARO_DATABASE_URL": dsn, "DISPARO_DATA_DIR": str(tmp_path / "dados")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def test_an_upgrade_that_a_view_of_somebodys_keeps_out_names_it(older, tmp_path):
    dsn = older("0012")
    value(dsn, "CREATE VIEW painel_do_chefe AS SELECT * FROM messages")
    said = said_by_a_command(dsn, tmp_path)
    assert said.startswith("Erro: O PostgreSQL recusou a atualização")
    assert "view painel_do_chefe depends on" in said
    assert value(dsn, "SELECT version_num FROM alembic_version") == "0012"


@pytest.mark.parametrize("revision", ["0016", HEAD])
def test_tables_that_are_another_users_are_told_of(admin_dsn, older, tmp_path, revision):
    dsn = older(revision)
    if revision == HEAD:
        asyncio.run(prepare(dsn))
    run_admin(admin_dsn, "CREATE ROLE inquilino LOGIN PASSWORD 'x'")
    try:
        value(dsn, "GRANT ALL ON SCHEMA public TO inquilino")
        value(dsn, "GRANT ALL ON ALL TABLES IN SCHEMA public TO inquilino")
        parts = urlsplit(dsn)
        theirs = urlunsplit(parts._replace(netloc=f"inquilino:x@{parts.netloc.rpartition('@')[2]}"))
        said = said_by_a_command(theirs, tmp_path)
        assert said.startswith("Erro: As tabelas do Disparo não são do usuário de database_url")
        assert "Nada foi alterado." in said
    finally:
        value(dsn, "DROP OWNED BY inquilino")
        run_admin(admin_dsn, "DROP ROLE inquilino")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:se#nha@127.0.0.1/d",
        "localhost/disparo",
        "postgresql://u@127.0.0.1:99999/d",
        "postgresql://u@127.0.0.1/d?sslmode=errado",
    ],
)
def test_an_address_that_is_none_is_said_without_a_word_of_it(dsn):
    with pytest.raises(DatabaseUnavailable) as refused:
        asyncio.run(connect(dsn))
    assert "DISPARO_DATABASE_URL" in str(refused.value)
    assert "nha" not in str(refused.value).replace("senha", "")
    assert refused.value.__suppress_context__


def test_a_copy_of_a_time_to_come_is_not_taken_for_one_of_this_start(older, tmp_path):
    dsn, folder = older("0012"), tmp_path / "backups"
    folder.mkdir()
    made = folder / f"antes-da-{HEAD}-em-20361231T000000Z.dump"
    made.touch()
    os.utime(made, (2_114_380_800, 2_114_380_800))
    asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path), dsn))
    assert len(list(folder.glob("*.dump"))) == 2


@pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: it is about what root leaves to the service's user"
)
def test_a_copy_of_roots_that_is_interrupted_leaves_its_folder_to_whose_data_it_is(
    older, tmp_path, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    os.chown(tmp_path, 54321, 54321)
    monkeypatch.setattr(upgrade, "write_dump", interrupted)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(prepare_with_backup(Settings(data_dir=tmp_path), older("0012")))
    assert (tmp_path / "backups").stat().st_uid == 54321


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_copies_the_database_ends_when_asked_to(older, tmp_path, number):
    """A large database is copied for minutes; half a copy is of no use."""
    dsn = older("0012")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND datname = $1"
    name = urlsplit(dsn).path.lstrip("/")

    async def beside():
        connection, looking = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
        async with connection.transaction():
            await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "disparo", "run", "--porta", "0"),
                env={**os.environ, "DISPARO_DATABASE_URL": dsn, "DISPARO_DATA_DIR": str(tmp_path)},
                stdout=subprocess.DEVNULL,
            )
            try:
                async with asyncio.timeout(30):
                    while not await looking.fetchval(waiting, name):
                        await asyncio.sleep(0.05)
                process.send_signal(number)
                async with asyncio.timeout(60):  # the copy waits for ever
                    await process.wait()
                async with asyncio.timeout(30):
                    while await looking.fetchval(waiting, name):
                        await asyncio.sleep(0.05)
            finally:
                if process.returncode is None:
                    process.kill()
        await connection.close()
        await looking.close()
        return process.returncode

    assert asyncio.run(beside()) == 0
    assert list((tmp_path / "backups").iterdir()) == []
