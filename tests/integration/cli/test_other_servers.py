"""What an administrator of PostgreSQL has set for psql leads no command of ours to another database."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from tests.conftest import run_admin, with_database
from tests.support.own_database import query
from tests.support.program import command


@pytest.fixture
def other(admin_dsn):
    """A database of its own that the services file names."""
    name = f"other_{uuid4().hex}"
    run_admin(admin_dsn, f"CREATE DATABASE {name}")
    yield with_database(admin_dsn, name)
    run_admin(admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def service(other, tmp_path):
    parts = urlsplit(other)
    named = {
        "dbname": parts.path.lstrip("/"),
        "user": parts.username,
        "password": parts.password,
        "host": parts.hostname,
        "port": parts.port,
        **dict(parse_qsl(parts.query)),
    }
    file = tmp_path / "services.conf"
    lines = [f"{key}={value}" for key, value in named.items() if value is not None]
    file.write_text("[another]\n" + "\n".join(lines) + "\n")
    return {"PGSERVICE": "another", "PGSERVICEFILE": str(file)}


def test_a_backup_is_of_our_database_and_a_restore_goes_into_it(dsn, empty_dsn, other, service, tmp_path):
    file = tmp_path / "a.dump"
    saved = command("db", "backup", file, env={"DISPARO_DATABASE_URL": dsn, **service})
    assert saved.returncode == 0, saved.stderr
    restored = command("db", "restore", file, env={"DISPARO_DATABASE_URL": empty_dsn, **service})
    assert restored.returncode == 0, restored.stderr
    has_messages = "SELECT to_regclass('messages') IS NOT NULL"
    assert (query(empty_dsn, has_messages), query(other, has_messages)) == (True, False)
