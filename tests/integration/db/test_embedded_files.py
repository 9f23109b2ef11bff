"""The files beside the private PostgreSQL, cut off wherever a kill, a power cut or a full disk cuts them."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import asyncpg
import pytest
from tests.support.own_database import HOLD, query

from disparo.cli import doctor
from disparo.cli.examine.finding import Grade
from disparo.db import cluster, embedded
from disparo.db.cluster import DatabaseFailed
from disparo.db.data_dir import DataDirUnusable, is_held, take_lock
from disparo.db.embedded import EmbeddedPostgres, attach, running
from disparo.settings import Settings

ROOT = Path(__file__).parents[3]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is about what root's start does")

START = """
import sys
from pathlib import Path
from disparo.db.embedded import running
with running(Path(sys.argv[1])):
    pass
"""


def start_and_stop(folder, *before, **kwargs):
    """A first start in a process of its own."""
    return subprocess.run(
        [*before, sys.executable, "-c", START, str(folder)],
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        **kwargs,
    )


@pytest.mark.parametrize("left", ["", '{"disparo_admin": "x', "{}", None])
def test_passwords_that_are_gone_are_made_anew_and_the_data_stay(used, left):
    with running(used) as dsn:
        query(dsn, "CREATE TABLE kept AS SELECT 42 AS number")
    secret = used / "database.secret"
    secret.unlink()
    if left is not None:
        secret.write_text(left)
    for _ in range(2):
        with running(used) as dsn:
            assert query(dsn, "SELECT number FROM kept") == 42
    assert secret.stat().st_mode & 0o777 == 0o600


def test_a_start_that_is_killed_while_passwords_are_made_anew_harms_nothing(used, monkeypatch):
    (used / "database.secret").write_text("")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cluster, "put_in_place", killed)  # the last step: the database has the new ones
        with pytest.raises(KeyboardInterrupt), running(used):
            pass
    with running(used) as dsn:
        assert query(dsn, "SELECT 1") == 1


def test_passwords_and_cluster_are_on_the_disk_before_anything_is_built_on_them(folder):
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    trace = folder.parent / "trace"
    watch = ["strace", "-f", "-y", "-s", "200", "-e", "trace=fsync,rename,execve", "-o", str(trace)]
    done = start_and_stop(folder, *watch)
    if not trace.exists() or "ptrace" in done.stderr:
        pytest.skip("this machine forbids tracing")
    assert done.returncode == 0, done.stderr
    steps = (
        rf"fsync\(\d+<{folder}/database\.new>",
        rf'rename\("{folder}/database\.new", "{folder}/database\.secret"',
        rf"fsync\(\d+<{folder}>",
        r'execve\("[^"]*/initdb", ',
        rf'rename\("{folder}/postgres\.new-\w+", "{folder}/postgres"',
        rf"fsync\(\d+<{folder}>",
        rf'execve\("[^"]*/postgres", \["[^"]*", "-D", "{folder}/postgres", ',
    )
    rest = trace.read_text(errors="replace")
    for step in steps:
        found = re.search(step, rest)
        assert found, step
        rest = rest[found.end() :]


def test_a_database_that_was_taken_away_is_not_replaced_by_an_empty_one(used):
    (used / "postgres").rename(used / "elsewhere")
    before = sorted(path.name for path in used.iterdir())
    with pytest.raises(DatabaseFailed, match=rf"já teve um banco de dados, e {used}/postgres não está lá"):
        running(used).__enter__()
    assert sorted(path.name for path in used.iterdir()) == before
    (used / "elsewhere").rename(used / "postgres")
    with running(used) as dsn:
        assert query(dsn, "SELECT 1") == 1
    shutil.rmtree(used / "postgres")
    (used / "postgres.log").unlink()  # who means it
    with running(used) as dsn:
        assert query(dsn, "SELECT 1") == 1


def test_of_a_server_that_does_not_start_the_reason_is_told_and_not_that_it_ended(used):
    for segment in (used / "postgres" / "pg_wal").iterdir():
        if segment.is_file():
            segment.unlink()
    with pytest.raises(DatabaseFailed, match=r"postgres\.log: .*(PANIC|FATAL): .*checkpoint"):
        running(used).__enter__()


def test_a_first_start_that_is_killed_leaves_no_password_in_tmp(folder):
    """Where initdb reads the superuser's; the next start takes away what is left of it beside the data."""
    beside = folder.parent / "tmp"
    beside.mkdir(mode=0o1777)
    beside.chmod(0o1777)
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"], "TMPDIR": str(beside)}
    first = subprocess.Popen([sys.executable, "-c", START, str(folder)], env=environment)
    while first.poll() is None and not list(folder.glob("postgres.new-*/*")):
        time.sleep(0.005)  # initdb begins
    first.kill()
    first.wait()
    assert list(beside.iterdir()) == []
    done = start_and_stop(folder)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir() if "initdb" in path.name] == []


def test_the_sockets_folder_in_tmp_of_a_start_that_was_killed_goes_with_the_next(folder):
    beside = folder.parent / "tmp"
    beside.mkdir()
    beside.chmod(0o1777)
    far = folder / ("x" * 90)  # a socket's address is short: it cannot be in there
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"], "TMPDIR": str(beside)}
    command = [sys.executable, "-c", HOLD, str(far)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as first:
        first.stdout.readline()
        first.kill()
    assert len(list(beside.iterdir())) == 1
    done = subprocess.run([sys.executable, "-c", START, str(far)], env=environment, check=False, timeout=100)
    assert done.returncode == 0
    assert list(beside.iterdir()) == []


def test_a_command_beside_a_server_whose_passwords_are_gone_makes_none(used):
    with running(used):
        (used / "database.secret").unlink()
        with pytest.raises(DataDirUnusable, match="Reinicie o Disparo"):
            attach(used)
        assert not (used / "database.secret").exists()


@as_root
def test_a_start_killed_before_the_sockets_folder_was_given_away_keeps_no_other_out(used):
    os.chown(used / "socket", 0, 0)
    with running(used) as dsn:
        assert query(dsn, "SELECT 1") == 1


@as_root
@pytest.mark.usefixtures("closed_home")
def test_programs_that_a_power_cut_left_empty_are_copied_again(folder):
    with running(folder) as dsn:
        query(dsn, "CREATE TABLE kept AS SELECT 42 AS number")
    (copied,) = folder.glob("programs-*/*/*/bin/postgres")
    copied.write_bytes(b"")
    with running(folder) as dsn:
        assert query(dsn, "SELECT number FROM kept") == 42
    assert copied.stat().st_size > 0


@as_root
def test_whatever_roots_umask_the_database_reaches_the_folder_made_for_it(folder):
    done = start_and_stop(folder / "deep" / "er", umask=0o077)
    assert done.returncode == 0, done.stderr


def test_a_look_whether_it_runs_keeps_no_start_out(tmp_path):
    take_lock(tmp_path).close()
    ended = threading.Event()

    def look():
        while not ended.is_set():
            is_held(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(2000):
            take_lock(tmp_path).close()
    finally:
        ended.set()
        looking.join()


def test_a_port_in_the_environment_is_not_that_of_the_own_database(used, monkeypatch):
    monkeypatch.setenv("PGPORT", "6543")
    with running(used):
        monkeypatch.delenv("PGPORT")
        assert query(attach(used), "SELECT 1") == 1
        monkeypatch.setenv("PGPORT", "7654")
        assert query(attach(used), "SELECT 1") == 1


def test_a_server_that_is_just_started_again_is_ended_by_a_stop(used, monkeypatch):
    server = EmbeddedPostgres(used)
    server.start()
    fallen, between = server.pid, threading.Event()
    clear_away = embedded._clear_away

    def clear_away_slowly(*arguments):
        between.set()
        assert server._stopping.wait(20)
        clear_away(*arguments)

    monkeypatch.setattr(embedded, "_clear_away", clear_away_slowly)
    monkeypatch.setattr(embedded, "_STOP_PATIENCE_S", 5.0)
    os.kill(fallen, signal.SIGKILL)
    assert between.wait(20)
    server.stop()
    assert not server._keeper.is_alive()
    assert not is_held(used)


@as_root
@pytest.mark.usefixtures("closed_home")
def test_programs_that_a_full_disk_does_not_hold_are_no_riddle_and_take_no_room(folder):
    """The room is made small by a limit of this process: what is larger than that is not written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(
            DataDirUnusable, match=r"Não foi possível copiar .* \(o arquivo é grande demais\)"
        ):
            running(folder).__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in folder.iterdir()] == ["lock"]


@as_root
def test_a_server_that_is_still_ending_is_waited_for_where_root_may_not_look_into_its_process(used):
    """As in a container: there root has no CAP_SYS_PTRACE, and a stranger's working directory is closed to it."""
    bare = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]
    if not shutil.which(bare[0]):
        pytest.skip("no setpriv here")
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"]}
    first = subprocess.Popen(
        [*bare, sys.executable, "-c", HOLD, str(used)], env=environment, stdout=subprocess.PIPE, text=True
    )
    first.stdout.readline()  # the address
    pid = int(first.stdout.readline())
    (child, *_) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(child), signal.SIGSTOP)  # it takes long to end
    first.kill()
    first.communicate()
    wakes = threading.Timer(3.0, os.kill, (int(child), signal.SIGCONT))
    wakes.start()
    try:
        done = start_and_stop(used, *bare)
    finally:
        wakes.join()
    assert done.returncode == 0, done.stderr


def test_the_servers_own_lines_are_kept_few_while_it_runs(folder, monkeypatch):
    monkeypatch.setattr(embedded, "_LOG_EVERY_S", 0.05)
    log = folder / "postgres.log"
    with running(folder) as dsn:
        with log.open("ab") as beside:  # as a night of complaints would
            beside.write(b"no space left\n" * 800_000)
        until = time.monotonic() + 20
        while not 900_000 < log.stat().st_size < 10_000_000 and time.monotonic() < until:
            time.sleep(0.05)  # a thread of the server's cuts it, in its own time: it is emptied first
        with pytest.raises(asyncpg.UndefinedTableError):
            query(dsn, "SELECT * FROM nowhere")
        lines = log.read_text().splitlines()
    assert 1_000 < len(lines) < 100_000
    assert set(lines[:1_000]) == {"no space left"}
    assert '"nowhere" does not exist' in lines[-1]


def test_the_server_sees_nothing_of_our_environment_that_may_be_secret(monkeypatch):
    """As root it runs as a user that other programs may have too."""
    monkeypatch.setenv("DISPARO_HUBSOFT_PASSWORD", "segredo-de-teste")
    monkeypatch.setenv("CHAVE_DA_PLATAFORMA", "segredo-de-teste")
    place = Path(tempfile.mkdtemp(prefix="disparo-seen-"))
    place.chmod(0o711)
    server = EmbeddedPostgres(place / "data")
    try:
        server.start()
        assert b"segredo-de-teste" not in Path(f"/proc/{server.pid}/environ").read_bytes()
    finally:
        server.stop()
        shutil.rmtree(place)


def test_a_frozen_server_keeps_no_command_waiting_and_nobody_is_told_to_start_what_runs(used):
    with running(used):
        frozen = int((used / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(frozen, signal.SIGSTOP)
        try:
            began = time.monotonic()
            (found,) = asyncio.run(doctor._database(Settings(data_dir=used), used))
            assert time.monotonic() - began < 40  # it was 70
        finally:
            os.kill(frozen, signal.SIGCONT)
    assert (found.subject, found.grade) == ("banco de dados", Grade.WRONG)
    assert "restart disparo" in found.remedy
    assert str(used / "postgres.log") in found.remedy
