"""A fresh, migrated database for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import pytest
from tests.conftest import run_admin, with_database

from disparo.db.pool import Pool, connect, open_pool


@pytest.fixture
def dsn(admin_dsn: str, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    run_admin(admin_dsn, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield with_database(admin_dsn, name)
    run_admin(admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_dsn(admin_dsn: str) -> Iterator[str]:
    """A database without a table: for an older revision, or a restore."""
    name = f"empty_{uuid4().hex}"
    run_admin(admin_dsn, f"CREATE DATABASE {name}")
    yield with_database(admin_dsn, name)
    run_admin(admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with open_pool(dsn, size=10) as pool:
        yield pool


@pytest.fixture
async def ours(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the program's are: it keeps its plans."""
    connection = await connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    yield connection
    if connection.is_closed():
        connection = await asyncpg.connect(dsn)
    await connection.reset()
    await _nothing_waits_unseen(connection)
    await connection.close()


async def _nothing_waits_unseen(connection: asyncpg.Connection) -> None:
    """Whatever a test did: each message that waits is in a chunk that the sweep, or a bulk run, looks at."""
    unseen = await connection.fetch(
        """SELECT id, chunk_id FROM messages m WHERE status = 'queued'
           AND NOT EXISTS (SELECT FROM waiting_chunks c WHERE c.chunk_id = m.chunk_id AND c.due_at <= m.due_at)
           AND NOT EXISTS (SELECT FROM bulk_chunks c WHERE c.chunk_id = m.chunk_id)"""
    )
    assert not unseen
