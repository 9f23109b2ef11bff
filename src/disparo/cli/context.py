"""What commands share: where the database is, and a connection to it."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from disparo.db.data_dir import default_data_dir
from disparo.db.embedded import running
from disparo.db.pool import Connection, connect
from disparo.dispatch.prepare import prepare
from disparo.settings import Settings, load_settings

T = TypeVar("T")

DataDir = Annotated[
    Path | None, typer.Option("--dados", metavar="PASTA", help="Pasta dos dados do banco próprio.")
]


def data_dir_of(settings: Settings) -> Path:
    """Give the folder of the private database: as set, else the usual place."""
    return settings.data_dir or default_data_dir()


@contextmanager
def database(dados: Path | None) -> Iterator[str]:
    """Give the database's address: one's own server, or the private one, started if it is not running."""
    settings = load_settings(data_dir=dados)
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with running(data_dir_of(settings)) as dsn:
        yield dsn


def with_connection(dados: Path | None, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Do `work` in one transaction on a database that is ready for this version."""

    async def main(dsn: str) -> T:
        await prepare(dsn)
        connection = await connect(dsn)
        try:
            async with connection.transaction():
                return await work(connection)
        finally:
            await connection.close()

    with database(dados) as dsn:
        return asyncio.run(main(dsn))


def actor() -> str:
    """Name the person at this command line for events and the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"
