"""Bulk runs that a restore paused are named by what restores and by what resumes: nobody else says so."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg
import pytest
from tests.conftest import run_admin, with_database
from tests.support import bulk, rows

from disparo.db import bulk_runs

pytestmark = pytest.mark.anyio


async def paused(pool, connection, count):
    ids = [await bulk.store(pool) for _ in range(count)]
    await bulk_runs.pause_all(connection)
    return ids


async def test_resume_names_what_resumes_each_run(command, pool, connection):
    (one,) = await paused(pool, connection, 1)
    await bulk.store(pool)
    status, said = command("retomar")
    assert (status, said.splitlines()) == (
        0,
        [
            "0 mensagem(ns) de volta à fila.",
            "1 disparo em lote está pausado, e nada dele sai até alguém o retomar:",
            f"  disparo execucao retomar {one}",
        ],
    )


async def test_of_many_the_first_are_named(command, pool, connection):
    ids = await paused(pool, connection, 7)
    _, said = command("retomar")
    assert said.splitlines()[1:] == [
        "7 disparos em lote estão pausados, e nada deles sai até alguém os retomar, um a um:",
        *(f"  disparo execucao retomar {id_}" for id_ in sorted(ids)[:5]),
        "  e mais 2, que estão em: disparo execucao listar --limite 1000",
    ]


async def test_nothing_is_said_where_none_is_paused(command, pool):
    await bulk.store(pool)
    assert command("retomar") == (0, "0 mensagem(ns) de volta à fila.\n")


async def test_a_restore_names_them_too(command, dsn, admin_dsn, pool, tmp_path):
    run = await bulk.store(pool)
    file = tmp_path / "copia.dump"
    assert command("db", "backup", file)[0] == 0
    name = f"restored_{uuid4().hex}"
    await asyncio.to_thread(run_admin, admin_dsn, f"CREATE DATABASE {name}")
    try:
        _, said = command("db", "restore", file, DISPARO_DATABASE_URL=with_database(dsn, name))
        _, resumed = command("retomar", DISPARO_DATABASE_URL=with_database(dsn, name))
    finally:
        await asyncio.to_thread(run_admin, admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")
    for each in (said, resumed):
        assert (
            f"\n1 disparo em lote está pausado, e nada dele sai até alguém o retomar:\n  disparo execucao retomar {run}\n"
            in each
        )
    assert "rode: disparo retomar\n" in said


async def test_what_the_server_refused_is_not_said_of_the_file(command, dsn, admin_dsn, connection, tmp_path):
    """Whoever believed that would throw away the only copy. It is of more than a pipe holds."""
    await rows.add_messages(connection, 4_000)
    file = tmp_path / "copia.dump"
    assert command("db", "backup", file)[0] == 0
    name = f"restored_{uuid4().hex}"
    await asyncio.to_thread(run_admin, admin_dsn, f"CREATE DATABASE {name}")
    there = with_database(dsn, name)
    try:
        taken = await asyncpg.connect(there)
        await taken.execute(
            "CREATE FUNCTION messages_inserted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"
        )
        await taken.close()
        status, said = command("db", "restore", file, DISPARO_DATABASE_URL=there)
    finally:
        await asyncio.to_thread(run_admin, admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")
    assert (status, "danificado" in said) == (1, False), said
    assert 'function "messages_inserted" already exists' in said
