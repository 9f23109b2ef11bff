"""A fresh, migrated database for each test, cloned from one template."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from disparo.db.pool import Pool, open_pool
from disparo.dispatch.prepare import prepare


def with_database(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


async def _admin(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(with_database(dsn, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def template(admin_dsn: str) -> Iterator[str]:
    import asyncio

    name = f"template_{uuid4().hex}"

    async def make() -> None:
        await _admin(admin_dsn, f"CREATE DATABASE {name}")
        await prepare(with_database(admin_dsn, name))
        # A clone is another database: let the first start of each enter its own identity.
        connection = await asyncpg.connect(with_database(admin_dsn, name))
        await connection.execute("DELETE FROM installation")
        await connection.close()

    asyncio.run(make())
    yield name
    asyncio.run(_admin(admin_dsn, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def dsn(admin_dsn: str, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex}"
    await _admin(admin_dsn, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield with_database(admin_dsn, name)
    await _admin(admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with open_pool(dsn, size=10) as pool:
        yield pool


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def admin_dsn(request: pytest.FixtureRequest) -> str:
    """A role that may create databases: DISPARO_TEST_DATABASE_URL, or the suite's own PostgreSQL."""
    named = os.environ.get("DISPARO_TEST_DATABASE_URL")
    return named or request.getfixturevalue("postgres_dsn")
