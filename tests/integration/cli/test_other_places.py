"""A backup is restored to where the program looks for its tables, into a database that holds all its letters."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from uuid import uuid4

import pytest
from tests.conftest import run_admin, with_database
from tests.support.own_database import query
from tests.support.program import command

from disparo.db.migrate import migrate
from disparo.errors import DatabaseUnavailable


@contextmanager
def _database(admin_dsn, *more):
    name = f"place_{uuid4().hex}"
    run_admin(admin_dsn, f"CREATE DATABASE {name} {' '.join(more)}")
    try:
        yield with_database(admin_dsn, name)
    finally:
        run_admin(admin_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def _do(dsn, *statements):
    return [query(dsn, statement) for statement in statements][-1]


def _lead_to(dsn, schema):
    """As an administrator does who gives each program a schema of its own."""
    role, database = _do(dsn, "SELECT current_user"), _do(dsn, "SELECT current_database()")
    setting = f"ALTER ROLE {role} IN DATABASE {database} SET search_path = {schema}"
    _do(dsn, f"CREATE SCHEMA IF NOT EXISTS {schema}", setting)
    return setting


def _restore(dsn, file):
    return command("db", "restore", file, env={"DISPARO_DATABASE_URL": dsn})


def _backup(dsn, folder):
    file = folder / "a.dump"
    saved = command("db", "backup", file, env={"DISPARO_DATABASE_URL": dsn})
    assert saved.returncode == 0, saved.stderr
    return file


def test_a_backup_of_another_schema_is_restored_where_nobody_has_said_which_one(admin_dsn, tmp_path):
    """It was refused for a table that public does not have: no backup of such a database could be used."""
    with _database(admin_dsn) as source, _database(admin_dsn) as empty:
        _lead_to(source, "provedor")
        made = command("usuario", "criar", "ana@example.com", env={"DISPARO_DATABASE_URL": source})
        assert made.returncode == 0, made.stderr
        restored = _restore(empty, _backup(source, tmp_path))
        assert restored.returncode == 0, restored.stderr
        assert _do(empty, "SELECT email FROM users") == "ana@example.com"
        assert _do(empty, "SELECT to_regclass('public.users')") is None


def test_a_restore_to_where_the_program_would_not_look_is_refused_with_the_remedy(dsn, admin_dsn, tmp_path):
    """It said that all was restored, and the program began anew, empty, beside it."""
    with _database(admin_dsn) as empty:
        _lead_to(empty, "provedor")
        file = _backup(dsn, tmp_path)
        refused = _restore(empty, file)
        assert refused.returncode != 0
        assert _lead_to(empty, "public") in refused.stderr
        assert _do(empty, "SELECT to_regclass('public.users')") is None
        assert _restore(empty, file).returncode == 0


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_lacks_letters_is_refused(dsn, admin_dsn, tmp_path, encoding):
    """Accents were counted twice and not found in one, and what the other lacks was refused message by message."""
    with _database(
        admin_dsn, f"ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    ) as poor:
        with pytest.raises(DatabaseUnavailable, match=f"{encoding}.*ENCODING 'UTF8'"):
            asyncio.run(migrate(poor))
        refused = _restore(poor, _backup(dsn, tmp_path))
        assert (refused.returncode, encoding in refused.stderr) == (1, True)
        assert _do(poor, "SELECT to_regclass('alembic_version')") is None


@pytest.mark.parametrize(
    ("words", "said"),
    [("connect_timeout=5", r"depois do \?.*connect_timeout"), ("sslmode=verify-full", "sslrootcert")],
)
def test_what_an_address_may_not_say_is_told(dsn, words, said, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(DatabaseUnavailable, match=said):
        asyncio.run(migrate(f"{dsn}&{words}"))
