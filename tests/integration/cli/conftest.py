"""The program as people run it, on a database of the test's own."""

from __future__ import annotations

import pytest
from tests.support import program

from disparo.cli.examine import database


@pytest.fixture(autouse=True)
def nobody_waits_for_beats(monkeypatch):
    """No worker runs here: the doctor need not look for one that beats."""
    monkeypatch.setattr(database, "_BEAT_PATIENCE_S", 0.0)


@pytest.fixture
def command(dsn):
    """Gives the exit status and all that was said."""

    def run(*arguments, **changes):
        done = program.command(*arguments, env={"DISPARO_DATABASE_URL": dsn, **changes})
        return done.returncode, done.stdout + done.stderr

    return run
