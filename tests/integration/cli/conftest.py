"""The program as people run it, on a database of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def command(dsn):
    """Gives the exit status and all that was said."""

    def run(*arguments, **changes):
        env = {**os.environ, "DISPARO_DATABASE_URL": dsn, **changes}
        done = subprocess.run(
            [sys.executable, "-m", "disparo", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=env,
        )
        return done.returncode, done.stdout + done.stderr

    return run
