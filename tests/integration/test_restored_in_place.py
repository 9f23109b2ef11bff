"""A dump loaded into the very database it came from: cluster, timeline and database stay, the data are old."""

from __future__ import annotations

import os
import subprocess

import asyncpg
import pytest
from tests.support import rows

from disparo.cli.examine.database import examine_database
from disparo.db.libpq import libpq_environment
from disparo.db.postgres_binaries import client_program
from disparo.dispatch.prepare import prepare

pytestmark = pytest.mark.anyio


def run(dsn: str, program: str, *arguments: str) -> None:
    subprocess.run(
        [client_program(program), *arguments], env={**os.environ, **libpq_environment(dsn)}, check=True
    )


async def said_of_holding(dsn: str) -> str:
    (text,) = (found.text for found in await examine_database(dsn) if found.subject == "retenção")
    return text


async def test_what_was_waiting_in_a_dump_loaded_in_place_is_held(dsn, tmp_path):
    assert await prepare(dsn)
    connection = await asyncpg.connect(dsn)
    ids = await rows.add_messages(connection, 2)
    await connection.close()
    dump, name = str(tmp_path / "copy.dump"), libpq_environment(dsn)["PGDATABASE"]
    run(dsn, "pg_dump", "--format=custom", f"--file={dump}")
    run(dsn, "pg_restore", "--clean", "--if-exists", f"--dbname={name}", dump)
    assert "ao iniciar, o Disparo retém" in await said_of_holding(dsn)  # noticed, and nothing changed
    assert not await prepare(dsn)
    assert "estão retidas" in await said_of_holding(dsn)
    connection = await asyncpg.connect(dsn)
    assert await rows.statuses(connection, ids) == ["held", "held"]
    await connection.close()
    assert await prepare(dsn)  # noticed once
