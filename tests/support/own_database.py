"""A data folder of its own for a private PostgreSQL, and a question to it."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

#: Another process that runs the folder's server, until it is killed; says the address and the server's pid.
HOLD = """
import sys, time
from pathlib import Path
from disparo.db.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start(), flush=True)
print(server.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def data_folder(like: Path | None = None) -> Iterator[Path]:
    """A place for a data folder that the database's own user can reach too; `like`: a folder it begins as a copy of."""
    made = Path(tempfile.mkdtemp(prefix="disparo-db-"))
    made.chmod(0o711)
    try:
        if like is not None:
            subprocess.run(["cp", "-a", like, made / "data"], check=True)  # with its owners
        yield made / "data"
    finally:
        shutil.rmtree(made, ignore_errors=True)


def query(dsn: str, statement: str) -> Any:
    """The first value of a statement's first row."""

    async def ask() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())
