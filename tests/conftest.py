"""What every kind of test may need: an event loop, and a PostgreSQL of the suite's own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from disparo.db.embedded import EmbeddedPostgres


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The superuser's address of a private PostgreSQL that ends with the session."""
    folder = Path(tempfile.mkdtemp(prefix="disparo-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    server.start()
    yield server.admin_dsn
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
