"""The private PostgreSQL under everything that may happen to it and to us."""

from __future__ import annotations

import asyncio
import os
import pwd
import random
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.support.own_database import HOLD, query

from disparo.db.cluster import APP, DatabaseFailed, dsn_of, make_application_role, postmaster_lines
from disparo.db.data_dir import AlreadyRunning, DataDirUnusable, default_data_dir
from disparo.db.embedded import EmbeddedPostgres, attach, running
from disparo.db.pool import connected
from disparo.db.server_options import server_options

ROOT = Path(__file__).parents[3]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is about what root's start does")


@pytest.fixture
def server(used):
    server = EmbeddedPostgres(used)
    yield server
    server.stop()


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)  # between two looks
    return False


def answers(dsn):
    try:
        return query(dsn, "SELECT 1") == 1
    except (OSError, asyncpg.PostgresError):
        return False


def lives(pid):
    return Path(f"/proc/{pid}").exists()


def empty_lock_files(folder):
    """What a server leaves that is killed before it has written its lock files."""
    for path in (folder / "postgres" / "postmaster.pid", folder / "socket" / ".s.PGSQL.5432.lock"):
        path.write_bytes(b"")
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def python_for_everyone():
    """A Python of our version that an unprivileged user may run, with our libraries."""
    libraries = f"{ROOT / 'src'}:{sysconfig.get_path('purelib')}"
    version = f"import sys, asyncpg; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        probe = [python, "-c", version]
        try:
            done = subprocess.run(
                probe, env={"PYTHONPATH": libraries}, user=65534, group=65534, extra_groups=[], check=False
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python, {"PYTHONPATH": libraries}
    pytest.skip("no Python of this version that an unprivileged user may run")


def hold(folder, *, python=sys.executable, env=None, **kwargs):
    """Another process that runs the folder's server: (process, dsn, server's pid)."""
    process = subprocess.Popen(
        [python, "-c", HOLD, str(folder)],
        env=env or {"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
        **kwargs,
    )
    dsn, pid = process.stdout.readline().strip(), int(process.stdout.readline())
    process.stdout.close()
    return process, dsn, pid


def test_the_data_are_there_at_the_next_start(folder):
    with running(folder) as dsn:
        query(dsn, "CREATE TABLE kept AS SELECT 42 AS number")
    with running(folder) as dsn:
        assert query(dsn, "SELECT number FROM kept") == 42


def test_the_application_is_no_superuser_and_strangers_need_a_password(server):
    dsn = server.start()
    assert query(dsn, "SELECT usesuper FROM pg_user WHERE usename = current_user") is False
    assert query(dsn, "SHOW listen_addresses") == ""
    assert query(dsn, "SHOW fsync") == "on"
    with pytest.raises(asyncpg.InvalidPasswordError):
        query(dsn.replace(dsn.split(":")[2].split("@")[0], "wrong"), "SELECT 1")


def test_a_session_whose_machine_vanished_is_given_up_within_about_a_minute(server, used, monkeypatch):
    """PostgreSQL's own two hours would keep its locks: a sync has one runner, who holds one."""
    address = ".".join(["127", *(str(random.randrange(1, 255)) for _ in range(3))])
    options = {**server_options(), "listen_addresses": address}
    monkeypatch.setattr("disparo.db.embedded.server_options", lambda: options)
    (rules,) = used.rglob("pg_hba.conf")
    with rules.open("a", encoding="utf-8") as file:
        file.write("host all all 127.0.0.0/8 scram-sha-256\n")
    parts = urlsplit(server.start())

    async def look() -> list[str]:
        async with connected(f"postgresql://{parts.netloc}{address}:5432{parts.path}") as connection:
            names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
            return [await connection.fetchval(f"SHOW {name}") for name in (*names, "tcp_user_timeout")]

    assert asyncio.run(look()) == ["20", "10", "3", "60000"]


def test_the_folders_and_secrets_are_closed_to_others(folder):
    with running(folder):
        assert (folder / "postgres").stat().st_mode & 0o777 == 0o700
        assert (folder / "socket").stat().st_mode & 0o777 == 0o700
        assert (folder / "database.secret").stat().st_mode & 0o777 == 0o600
        assert (folder / "postgres.log").stat().st_mode & 0o777 == 0o600


def test_a_second_start_is_refused_and_harms_nothing(server, used):
    dsn = server.start()
    with pytest.raises(AlreadyRunning, match=str(os.getpid())):
        EmbeddedPostgres(used).start()
    assert answers(dsn)


def test_a_command_during_a_slow_first_start_waits_for_the_role_and_the_database(folder, monkeypatch):
    """The server is ready before they are: what a command came upon was "usuário ou senha recusados"."""

    async def slowly(data_dir):
        await asyncio.sleep(2)
        await make_application_role(data_dir)

    monkeypatch.setattr("disparo.db.embedded.make_application_role", slowly)
    server = EmbeddedPostgres(folder)
    starting = threading.Thread(target=server.start)
    starting.start()
    try:
        assert until(lambda: postmaster_lines(folder / "postgres")[7:8] == ["ready"])
        assert not answers(dsn_of(folder, APP, "disparo"))
        with running(folder) as address:
            assert answers(address)
    finally:
        starting.join()
        server.stop()


def test_other_commands_attach_to_the_running_server(server, used):
    server.start()
    pid = server.pid
    with running(used) as dsn:
        assert answers(dsn)
    assert server.pid == pid
    assert answers(attach(used))


def test_a_killed_server_is_started_again(server):
    dsn = server.start()
    query(dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    killed = server.pid
    os.kill(killed, signal.SIGKILL)
    assert until(lambda: server.pid != killed and answers(dsn))
    assert query(dsn, "SELECT one FROM kept") == 1


def test_a_server_that_falls_again_and_again_comes_back(server):
    dsn = server.start()
    for _ in range(4):
        pid = server.pid
        os.kill(pid, signal.SIGKILL)
        assert until(lambda: server.pid != pid and lives(server.pid))  # noqa: B023 - asked at once
    assert until(lambda: answers(dsn))


def test_a_server_killed_between_making_and_filling_its_lock_files_comes_back(server, used):
    dsn = server.start()
    os.kill(server.pid, signal.SIGKILL)
    empty_lock_files(used)
    assert until(lambda: answers(dsn))


def test_lock_files_that_a_fall_left_empty_keep_no_start_out(server, used):
    server.start()
    server.stop()
    empty_lock_files(used)
    with running(used) as dsn:
        assert answers(dsn)


def test_what_a_killed_server_left_behind_and_does_not_end_keeps_no_new_one_out(server):
    dsn = server.start()
    query(dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    (child, *_) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGSTOP)  # it holds the shared memory
    os.kill(server.pid, signal.SIGKILL)
    assert until(lambda: answers(dsn))
    assert query(dsn, "SELECT one FROM kept") == 1


def test_a_server_that_never_starts_is_given_up_in_words(used):
    (used / "postgres" / "postgresql.conf").write_text("nonsense = here\n")
    with pytest.raises(DatabaseFailed, match=r"postgres\.log"), running(used):
        pass
    with pytest.raises(DatabaseFailed), running(used):  # and the folder is free again
        pass


def test_a_killed_program_leaves_no_server_and_the_next_start_works(used):
    process, dsn, pid = hold(used)
    query(dsn, "CREATE TABLE kept AS SELECT 1 AS one")
    process.kill()
    process.wait()
    with running(used) as again:  # at once: the old server may still be ending
        assert query(again, "SELECT one FROM kept") == 1
    assert until(lambda: not lives(pid))


def test_a_program_killed_in_the_middle_of_the_first_start_harms_nothing(folder):
    for moment in (0.05, 0.15, 0.3, 0.45):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            env={"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL,
        )
        time.sleep(moment)  # when it is killed is what is tried
        process.kill()
        process.wait()
        assert (folder / "postgres").exists() or not (folder / "postgres.log").exists()
    with running(folder) as dsn:
        assert answers(dsn)


def test_a_stale_pid_file_naming_a_living_stranger_is_no_obstacle(used):
    owner = (used / "postgres").stat()
    stranger = subprocess.Popen(["sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None)
    try:
        stale = used / "postgres" / "postmaster.pid"
        stale.write_text(f"{stranger.pid}\n{used}/postgres\n1700000000\n5432\n{used}/socket\n\n1 2\nready\n")
        os.chown(stale, owner.st_uid, owner.st_gid)
        with running(used) as dsn:
            assert answers(dsn)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_path_too_long_for_a_socket_works_all_the_same(folder):
    deep = folder / ("x" * 90)
    for part in (folder, deep):
        part.mkdir()
        part.chmod(0o711)
    with running(deep) as dsn:
        assert answers(dsn)


def test_the_permissions_of_a_folder_that_was_there_stay(folder):
    folder.mkdir()
    folder.chmod(0o755)
    with running(folder):
        pass
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_file_in_the_folders_place_is_a_clear_error(folder):
    folder.write_text("")
    with pytest.raises(DataDirUnusable, match="--dados"), running(folder):
        pass
    assert folder.read_text() == ""


def test_a_cluster_of_another_version_is_left_alone(folder):
    (folder / "postgres").mkdir(parents=True)
    (folder / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(DatabaseFailed, match="PostgreSQL 14"), running(folder):
        pass
    assert [path.name for path in (folder / "postgres").iterdir()] == ["PG_VERSION"]


@as_root
def test_as_root_the_server_runs_as_an_unprivileged_user(server):
    server.start()
    uid = Path(f"/proc/{server.pid}").stat().st_uid
    assert pwd.getpwuid(uid).pw_name in ("postgres", "nobody")


@as_root
def test_programs_inside_roots_closed_home_are_copied_to_where_the_user_reaches_them(folder, closed_home):
    with running(folder) as dsn:
        assert answers(dsn)
    assert closed_home.stat().st_mode & 0o777 == 0o700


@as_root
@pytest.mark.parametrize("uid", [65534, 54321])
def test_an_unprivileged_uid_without_a_home_or_a_name(folder, uid):
    folder.mkdir()
    os.chown(folder, uid, uid)
    python, env = python_for_everyone()
    process, _, _ = hold(folder, python=python, env=env, user=uid, group=uid, extra_groups=[])
    process.terminate()
    assert process.wait(20) is not None


@as_root
def test_a_folder_of_another_user_is_a_clear_error(folder):
    folder.mkdir(mode=0o755)
    python, env = python_for_everyone()
    done = subprocess.run(
        [python, "-c", HOLD, str(folder)],
        env=env,
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "pertence a outro usuário" in done.stderr


def test_where_the_data_live(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_data_dir() == Path("/var/lib/disparo")
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert default_data_dir() == Path("/somewhere/disparo")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/nonexistent")
    assert default_data_dir() == Path("/var/tmp/disparo-4711")


def test_a_recovery_that_takes_longer_than_a_start_is_waited_for(server, used, monkeypatch):
    server.start()
    query(server.admin_dsn, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
    server._stopping.set()
    os.kill(server.pid, signal.SIGQUIT)  # as a power cut leaves it: no checkpoint
    server.stop()
    monkeypatch.setattr("disparo.db.embedded._START_PATIENCE_S", 2.0)
    again = EmbeddedPostgres(used)

    def hold_up():
        assert until(
            lambda: again.pid is not None and postmaster_lines(again._cluster)[:1] == [str(again.pid)]
        )
        os.kill(again.pid, signal.SIGSTOP)
        time.sleep(3)  # the recovery must outlast the patience
        os.kill(again.pid, signal.SIGCONT)

    holding = threading.Thread(target=hold_up)
    holding.start()
    try:
        again.start()
        assert query(again.admin_dsn, "SELECT count(*) FROM t") == 1000
    finally:
        holding.join()
        again.stop()


def test_a_server_that_cannot_be_started_at_this_moment_is_started_later(server, monkeypatch):
    dsn = server.start()
    start, failed = subprocess.Popen, []

    def once(*arguments, **more):
        if not failed:
            failed.append(True)
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return start(*arguments, **more)

    monkeypatch.setattr(subprocess, "Popen", once)
    os.kill(server.pid, signal.SIGKILL)
    assert until(lambda: failed and answers(dsn))
