"""Ctrl-C, SIGTERM and the end of a terminal: what waits is ended, what works clears up and says what it did."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import asyncpg
import pytest

from disparo.db.migrate import wait_for_turn
from disparo.dispatch.prepare import prepare

pytestmark = pytest.mark.anyio


@pytest.fixture
def dsn(new_database):
    return new_database()


@pytest.fixture
async def other(dsn):
    """Another program that is preparing the database, of an earlier release until then."""
    connection = await asyncpg.connect(dsn)
    await wait_for_turn(connection)
    await connection.execute("COMMENT ON TABLE pgqueuer IS NULL")
    yield connection
    await connection.close()


@asynccontextmanager
async def running(dsn, *arguments, errors):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "disparo", *arguments),
        env={**os.environ, "DISPARO_DATABASE_URL": dsn},
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()


async def _waits(connection, kind="advisory"):
    waiting = """SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
                 WHERE datname = current_database() AND locktype = $1 AND NOT granted"""
    async with asyncio.timeout(60):
        while not await connection.fetchval(waiting, kind):
            await asyncio.sleep(0.05)


_BLOCKED = """SELECT EXISTS (SELECT FROM pg_stat_activity
                            WHERE datname = current_database() AND wait_event = 'transactionid')"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("arguments", [("run", "--porta", "0"), ("worker",)])
async def test_whoever_waits_for_another_that_upgrades_can_be_stopped(
    dsn, other, tmp_path, arguments, number
):
    async with running(dsn, *arguments, "--dados", str(tmp_path), errors=subprocess.STDOUT) as process:
        await _waits(other)
        process.send_signal(number)
        async with asyncio.timeout(60):  # it would wait for ever
            said, _ = await process.communicate()
    assert (process.returncode, said) == (0, b"")


async def test_a_command_that_waits_for_another_that_upgrades_says_so_once(dsn, other):
    async with running(dsn, "retidas", "listar", errors=subprocess.PIPE) as process:
        async with asyncio.timeout(60):
            said = await process.stderr.readline()
        await other.close()
        out, rest = await process.communicate()
    assert said.decode() == "Outro processo está preparando o banco de dados; este comando espera por ele.\n"
    assert (process.returncode, rest, b"0 mensagem(ns) retida(s)." in out) == (0, b"", True)


async def test_a_run_that_was_stopped_before_it_was_stored_is_not_said_to_go_on(dsn, other):
    async with running(dsn, "disparar", "--status", "vencido", errors=subprocess.DEVNULL) as process:
        await _waits(other)
        process.send_signal(signal.SIGINT)
        said, _ = await process.communicate()
    expected = "Interrompido antes do disparo. Confira com `disparo execucao listar`.\n"
    assert (process.returncode, said.decode()) == (130, expected)


async def test_a_run_that_is_stored_is_named_at_once_also_to_a_file(dsn, monkeypatch):
    """The output of a scheduled task: killed while the run is being queued, it is all that is left of it."""
    table = {"type": "generic_http", "url": "http://127.0.0.1:1/", "json": {"to": "{telefone}"}}
    monkeypatch.setenv("DISPARO_PLATFORMS", json.dumps({"p": {**table, "success": {"status": [200]}}}))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    await prepare(dsn)
    queueing = await asyncpg.connect(dsn)
    async with queueing.transaction():
        await queueing.execute("LOCK TABLE invoices")  # queueing waits for it
        async with running(dsn, "disparar", "--status", "vencido", errors=subprocess.DEVNULL) as process:
            await _waits(queueing, "relation")
            process.kill()
            said, _ = await process.communicate()
    await queueing.close()
    assert said.startswith(b"Disparo ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_an_import_that_is_interrupted_says_what_it_stored_and_has_it_on_record(dsn, tmp_path, number):
    lines = "".join(f"{number};ANA\n" for number in range(1, 20_001))
    (tmp_path / "c.csv").write_text(f"id_cliente;nome\n{lines}")
    await prepare(dsn)
    holding, looking = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    in_the_way = holding.transaction()
    await in_the_way.start()
    await holding.execute("INSERT INTO customers (id, name) VALUES (7000, '')")  # of the second five thousand
    words = ("importar", "clientes", str(tmp_path / "c.csv"))
    async with running(dsn, *words, errors=subprocess.PIPE) as process:
        async with asyncio.timeout(60):
            while not await looking.fetchval(_BLOCKED):
                await asyncio.sleep(0.05)
        process.send_signal(number)
        await in_the_way.rollback()
        _, said = await process.communicate()
    stored = await looking.fetchval("SELECT count(*) FROM customers")
    told = await looking.fetchval("SELECT (detail->>'stored')::int FROM audit_log WHERE action = 'imported'")
    await holding.close()
    await looking.close()
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert f"A importação parou antes do fim: {stored} linha(s) gravada(s)." in said.decode()
    assert told == stored
    assert 5_000 <= stored < 20_000


def test_a_command_that_is_still_being_loaded_ends_without_a_trace():
    """Its modules take most of a second: here the first of them meets the Ctrl-C."""
    meets = "def find_spec(*_): raise KeyboardInterrupt"
    code = (
        "import sys, types; from disparo.cli import app; "
        f"trap = types.ModuleType('trap'); exec({meets!r}, vars(trap)); "
        "sys.meta_path.insert(0, trap); sys.argv = ['disparo', 'run']; app.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
