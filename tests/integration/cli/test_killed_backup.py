"""A backup that is killed leaves a program behind that still writes, and the next one is whole all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import anyio.to_thread
import pytest
from tests.support.program import command

from disparo.db.postgres_binaries import client_program

pytestmark = pytest.mark.anyio


def begin(dsn, file):
    return subprocess.Popen(
        [sys.executable, "-m", "disparo", "db", "backup", str(file)],
        env={**os.environ, "DISPARO_DATABASE_URL": dsn},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def its_dump(process):
    """The pg_dump of a backup, once it has begun."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(400):
        for child in map(int, children.read_text().split()):
            with suppress(OSError):  # it ended in between
                if "pg_dump" in Path(f"/proc/{child}/comm").read_text():
                    return child
        await anyio.sleep(0.05)
    raise AssertionError("no pg_dump")


async def waiting_dumps(connection, count):
    """Wait until so many copies wait for our lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    for _ in range(400):
        await connection.execute("SELECT pg_stat_clear_snapshot()")  # or it stays as at the first look
        if await connection.fetchval(waiting) == count:
            return
        await anyio.sleep(0.05)
    raise AssertionError("no pg_dump waits")


def has_ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def is_whole(file):
    return (
        subprocess.run([client_program("pg_restore"), "--file=/dev/null", file], check=False).returncode == 0
    )


async def test_what_still_writes_for_a_killed_backup_does_not_write_into_the_next(dsn, connection, tmp_path):
    file = tmp_path / "a.dump"
    async with connection.transaction():
        await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        first = begin(dsn, file)
        dump = await its_dump(first)
        await waiting_dumps(connection, 1)
        os.kill(dump, signal.SIGSTOP)
        first.kill()
        first.communicate()
    try:
        await connection.execute(
            "INSERT INTO customers (id, name) SELECT g, 'ANA' FROM generate_series(1, 9) g"
        )
        done = await anyio.to_thread.run_sync(
            lambda: command("db", "backup", file, env={"DISPARO_DATABASE_URL": dsn})
        )
        assert done.returncode == 0, done.stderr
        before = file.read_bytes()
    finally:
        os.kill(dump, signal.SIGCONT)
    until = time.monotonic() + 30
    while not has_ended(dump) and time.monotonic() < until:
        await anyio.sleep(0.05)
    assert file.read_bytes() == before
    assert is_whole(file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.dump"]


@pytest.mark.parametrize("is_in_background", [False, True])
async def test_one_that_is_told_to_end_leaves_nothing_behind(dsn, connection, tmp_path, is_in_background):
    """A scheduled one that takes too long; what runs in the background of a shell ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if is_in_background else None
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
            process = begin(dsn, tmp_path / "a.dump")
            dump = await its_dump(process)
            await waiting_dumps(connection, 1)
            process.terminate()
            said = process.communicate(timeout=60)
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    assert process.returncode == -signal.SIGTERM, said
    assert has_ended(dump)
    assert list(tmp_path.iterdir()) == []


async def test_of_two_backups_into_one_file_one_is_whole_and_the_other_says_so(dsn, connection, tmp_path):
    file = tmp_path / "a.dump"
    async with connection.transaction():
        await connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        first = begin(dsn, file)
        await waiting_dumps(connection, 1)
        second = begin(dsn, file)
        await waiting_dumps(connection, 2)
    said = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [1, 0], said
    assert "Outro backup começou a gravar" in said[0][1]
    assert is_whole(file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.dump"]


async def test_what_was_left_open_to_others_is_closed(dsn, tmp_path):
    file, left = tmp_path / "a.dump", tmp_path / "a.dump.parcial"
    left.touch()
    left.chmod(0o666)
    done = await anyio.to_thread.run_sync(
        lambda: command("db", "backup", file, env={"DISPARO_DATABASE_URL": dsn})
    )
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
