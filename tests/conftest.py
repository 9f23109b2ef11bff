"""What every kind of test may need: an event loop, a PostgreSQL of the suite's own, fresh databases."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from tests.support.asking import Asker

from disparo.db import embedded
from disparo.db.embedded import EmbeddedPostgres
from disparo.db.server_options import server_options
from disparo.dispatch.prepare import prepare

# What a script starts in its background is deaf to Ctrl-C, and so is all that begins there: programs that the tests
# end by it would go on for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests are found and none is garbage; what they share stays, and is not looked through again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


#: Each takes long of a process of its own, most of it waiting: begun late, the others would wait for it.
_LONG = {
    "test_few_binds.py",
    "test_run.py",
    "test_browser.py",
    "test_embedded.py",
    "test_embedded_files.py",
    "test_upgrades.py",
    "test_wrong_clock.py",
    "test_platforms_live.py",
    "test_limits_of_parts.py",
    "test_limits_at_an_smsc.py",
    "test_long_outages.py",
    "test_slow_parts.py",
    "test_sync.py",
    "test_worker.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files go first; all else stays in its order."""
    items.sort(key=lambda item: item.path.name not in _LONG)


#: What the suite's files and databases take at most, several times over.
_ROOM_BYTES = 4 << 30


def pytest_configure() -> None:
    """Passing files are made in memory, by the tests and by all they start, unless `TMPDIR` says where.

    Hundreds of databases are made and dropped, and a disk takes twice as long: a file system does not soon give a
    new file what an old one has left. What a power cut leaves is not tested here; all else is the same on a disk.
    """
    memory = _in_memory()
    if memory is not None and "TMPDIR" not in os.environ:
        own = memory / f"disparo-tests-{os.getuid()}"
        own.mkdir(mode=0o755, exist_ok=True)
        os.environ["TMPDIR"] = tempfile.tempdir = str(own)


def _in_memory() -> Path | None:
    """None where memory has no such room, or holds no programs."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or os.statvfs(memory).f_flag & os.ST_NOEXEC:
        return None
    return memory if shutil.disk_usage(memory).free > _ROOM_BYTES else None


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
def _no_server_is_left_serving() -> Iterator[None]:
    """See `support.serving`."""
    yield
    assert [left.name for left in threading.enumerate() if "serve_forever" in left.name] == []


@pytest.fixture(scope="session")
def admin_dsn() -> Iterator[str]:
    """A role that may create databases: DISPARO_TEST_DATABASE_URL, or the suite's own PostgreSQL."""
    named = os.environ.get("DISPARO_TEST_DATABASE_URL")
    if named:
        yield named
        _admin(named).close()
        return
    folder = Path(tempfile.mkdtemp(prefix="disparo-test-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "server_options", _options_of_the_suite)
        server.start()
    dsn = server.admin_dsn
    run_admin(dsn, f"ALTER ROLE CURRENT_USER PASSWORD '{urlsplit(dsn).password}'")
    yield dsn
    _admin(dsn).close()
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def _options_of_the_suite() -> dict[str, str]:
    """As everywhere, but for what hundreds of databases and thousands of connections make dear.

    All buffers are looked through when a database is made or dropped; a password is derived at each connection.
    """
    return {**server_options(), "shared_buffers": "64MB", "scram_iterations": "1"}


def with_database(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


@cache
def _admin(dsn: str) -> Asker:
    """Lives as long as the process: databases are made and dropped by the hundred."""
    return Asker(with_database(dsn, "postgres"))


def run_admin(dsn: str, statement: str) -> None:
    _admin(dsn).execute(statement)


@pytest.fixture(scope="session")
def template(admin_dsn: str) -> Iterator[str]:
    """A migrated, empty database to clone from."""
    name = f"template_{uuid4().hex}"
    run_admin(admin_dsn, f"CREATE DATABASE {name}")

    async def make() -> None:
        await prepare(with_database(admin_dsn, name))
        # A clone is another database: let the first start of each enter its own identity.
        connection = await asyncpg.connect(with_database(admin_dsn, name))
        await connection.execute("DELETE FROM installation")
        await connection.close()

    asyncio.run(make())
    yield name
    run_admin(admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def new_database(admin_dsn: str, template: str) -> Iterator[Callable[[], str]]:
    """Makes databases that live as long as the module."""
    with ExitStack() as stack:

        def make() -> str:
            name = f"test_{uuid4().hex}"
            run_admin(admin_dsn, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
            stack.callback(run_admin, admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")
            return with_database(admin_dsn, name)

        yield make
