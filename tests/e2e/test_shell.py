"""`disparo db shell` at a terminal."""

from __future__ import annotations

import os
import pty
import select
import sys
import time


def read_until(terminal, wanted):
    said, until = b"", time.monotonic() + 30
    while wanted not in said and time.monotonic() < until:
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 4096)
    assert wanted in said


_SLEEPS = """SELECT EXISTS (SELECT FROM pg_stat_activity
                            WHERE datname = current_database() AND wait_event = 'PgSleep')"""


def test_ctrl_c_ends_the_statement_and_not_the_session(house):
    environment = {
        **os.environ,
        "DISPARO_DATABASE_URL": house.stage.dsn,
        "PSQL_PAGER": "cat",
        "TERM": "dumb",
    }
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-m", "disparo", "db", "shell"], environment)
    read_until(terminal, b"=# ")
    os.write(terminal, b"SELECT pg_sleep(60);\n")
    house.until(lambda: house.value(_SLEEPS))
    os.write(terminal, b"\x03")
    read_until(terminal, b"canceling statement")
    os.write(terminal, b"SELECT 'still' || ' here';\n")
    read_until(terminal, b"still here")
    os.write(terminal, b"\\q\n")
    assert os.waitpid(child, 0)[1] == 0
    os.close(terminal)
