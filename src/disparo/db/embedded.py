"""A private PostgreSQL, supervised by us: made on the first start, kept alive, ended with the program.

docs/decisions/0007 says why it is ours: scram on a unix socket in a closed folder, a lock of our own, the
server as our child that gets SIGINT when we die, no superuser for the application.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import structlog

from disparo.db.cluster import (
    ADMIN,
    APP,
    DatabaseFailed,
    dsn_of,
    has_passwords,
    lets_in,
    make_application_role,
    make_cluster,
    postmaster_lines,
    renew_passwords,
)
from disparo.db.data_dir import AlreadyRunning, is_held, make_data_dir, take_lock
from disparo.db.postgres_binaries import Runner, environment, find_runner
from disparo.db.postgres_log import keep_small, log_file, open_at_end, reason_since, size_of
from disparo.db.server_options import PORT, server_options

log = structlog.get_logger(__name__)

#: sun_path holds 108 bytes; PostgreSQL adds `/.s.PGSQL.5432` and a lock file's `.lock`.
_LONGEST_SOCKET_DIR = 85
_TEMPORARY = "disparo-"
_START_PATIENCE_S = 60.0
_STOP_PATIENCE_S = 60.0
_ORPHAN_PATIENCE_S = 5.0
_ATTACH_PATIENCE_S = 10.0
#: A server that has never been ready is given up after so many falls; one that has, never: a full disk
#: is emptied at some time, and then it comes back by itself.
_FALLS_AT_START = 3
_STEADY_AFTER_S = 30.0
_LONGEST_PAUSE_S = 10.0
_LOG_EVERY_S = 60.0


class EmbeddedPostgres:
    """Owns the server of one data folder from `start` to `stop`."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock: IO[str] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._failed = threading.Event()
        self._keeper: threading.Thread | None = None
        self._temporary_socket_dir: str | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return None if self._server is None else self._server.pid

    @property
    def admin_dsn(self) -> str:
        """The superuser's address: for tests and repairs, never for the application."""
        return dsn_of(self._data_dir, ADMIN, "postgres")

    def start(self) -> str:
        """Start, making the database the first time; gives the application's address.

        Raises AlreadyRunning, DataDirUnusable, DatabaseBinariesMissing or DatabaseFailed.
        """
        self._data_dir = make_data_dir(self._data_dir)
        self._lock = take_lock(self._data_dir)
        try:
            runner = find_runner(self._data_dir)
            make_cluster(self._data_dir, runner)
            _end_leftover(self._cluster)
            socket_dir = self._socket_dir(runner)
            if not has_passwords(self._data_dir):
                log.warning("database_passwords_are_made_anew")
                _clear_away(self._cluster, socket_dir)
                renew_passwords(self._data_dir, runner)
            said_before = size_of(log_file(self._data_dir))
            # Of this thread's own: the kernel sends the parent-death signal when the *thread* ends.
            self._keeper = threading.Thread(target=self._keep, args=(runner, socket_dir), daemon=True)
            self._keeper.start()
            threading.Thread(target=self._keep_log_small, daemon=True).start()
            self._wait_until_ready(said_before)
            asyncio.run(make_application_role(self._data_dir))
        except BaseException:
            self.stop()
            raise
        return dsn_of(self._data_dir, APP, "disparo")

    def stop(self) -> None:
        """End the server in order and give the folder free; safe to call twice."""
        self._stopping.set()
        if self._keeper is not None:
            for number in (signal.SIGINT, signal.SIGQUIT):  # SIGTERM would wait for clients
                self._end(self._keeper, number)
        if self._temporary_socket_dir is not None:
            shutil.rmtree(self._temporary_socket_dir, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _end(self, keeper: threading.Thread, number: signal.Signals) -> None:
        """Send the signal to whichever server runs, until none does: one may just be started again."""
        until = time.monotonic() + _STOP_PATIENCE_S
        while keeper.is_alive() and time.monotonic() < until:
            if self._server is not None and self._server.poll() is None:
                with suppress(ProcessLookupError):
                    self._server.send_signal(number)
            keeper.join(0.5)

    @property
    def _cluster(self) -> Path:
        return self._data_dir / "postgres"

    def _keep(self, runner: Runner, socket_dir: Path) -> None:
        """Run the server, again and again if it falls, until `stop`."""
        falls = 0
        options = {**server_options(), "unix_socket_directories": str(socket_dir)}
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = runner.command("postgres", "-D", str(self._cluster), *arguments, parent=os.getpid())
        while not self._stopping.is_set():
            _clear_away(self._cluster, socket_dir)
            began = time.monotonic()
            try:
                with open_at_end(self._data_dir) as output:
                    self._server = subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        start_new_session=True,
                        env=environment(),
                    )
                status = self._server.wait()
            except OSError as error:  # no memory or no process to be had at this moment
                log.warning("database_cannot_be_started_now", error=type(error).__name__)
                status = -1
            if self._stopping.is_set():
                return
            falls = 1 if time.monotonic() - began > _STEADY_AFTER_S else falls + 1
            log.warning("database_fell_and_is_started_again", status=status, falls=falls)
            if falls >= _FALLS_AT_START and not self._ready.is_set():
                self._failed.set()
                return
            self._stopping.wait(min(_LONGEST_PAUSE_S, 0.1 * 2**falls))

    def _keep_log_small(self) -> None:
        """A server may run for a year, and on a full disk, say, it complains all the time."""
        while not self._stopping.is_set():
            keep_small(log_file(self._data_dir))
            self._stopping.wait(_LOG_EVERY_S)

    def _wait_until_ready(self, said_before: int) -> None:
        until = time.monotonic() + _START_PATIENCE_S
        while time.monotonic() < until and not self._failed.is_set():
            lines = postmaster_lines(self._cluster)
            if self.pid is not None and lines[:1] == [str(self.pid)]:
                if lines[7:8] == ["ready"]:
                    self._ready.set()
                    return
                # Recovery takes as long as it takes, and one that is cut short begins anew at the same place.
                until = time.monotonic() + _START_PATIENCE_S
            time.sleep(0.02)  # between two looks
        raise DatabaseFailed(
            f"O banco de dados próprio não iniciou. O motivo está em {log_file(self._data_dir)}: "
            f"{reason_since(log_file(self._data_dir), said_before)}"
        )

    def _socket_dir(self, runner: Runner) -> Path:
        """Make the socket's closed folder: in the data folder, or in /tmp where that path is too long."""
        wanted, where = self._data_dir / "socket", self._data_dir / "socket.tmp"
        _forget_temporary(where)
        if len(os.fsencode(wanted)) > _LONGEST_SOCKET_DIR:
            self._temporary_socket_dir = tempfile.mkdtemp(prefix=_TEMPORARY)
            where.write_text(self._temporary_socket_dir, encoding="utf-8")
            runner.own(Path(self._temporary_socket_dir))
            return Path(self._temporary_socket_dir)
        wanted.mkdir(mode=0o700, exist_ok=True)
        runner.own(wanted)  # also one that is there: a start killed between the two lines made it
        return wanted


def attach(data_dir: Path) -> str:
    """Give the application's address of a server that another process runs on this folder now.

    Waits up to 10 s for it, on its first start for the application's role too, then raises DatabaseFailed;
    DataDirUnusable where the passwords cannot be read.
    """
    data_dir = data_dir.absolute()
    until = time.monotonic() + _ATTACH_PATIENCE_S
    while time.monotonic() < until:
        if postmaster_lines(data_dir / "postgres")[7:8] == ["ready"]:
            address = dsn_of(data_dir, APP, "disparo")
            if asyncio.run(lets_in(address)):
                return address
        time.sleep(0.05)  # between two looks
    raise DatabaseFailed("O banco de dados próprio ainda não está pronto. Tente de novo em instantes.")


@contextmanager
def running(data_dir: Path) -> Iterator[str]:
    """Give the address of the folder's server: the one that runs, or one for as long as this lasts."""
    if is_held(data_dir):
        yield attach(data_dir)
        return
    server = EmbeddedPostgres(data_dir)
    try:
        address = server.start()
    except AlreadyRunning:  # somebody started it between the two lines
        yield attach(data_dir)
        return
    try:
        yield address
    finally:
        server.stop()


def _forget_temporary(where: Path) -> None:
    """Take away the folder in /tmp of a start that was killed; one with a socket in it is some server's."""
    with suppress(OSError, ValueError):
        left = Path(where.read_text(encoding="utf-8"))
        if left.name.startswith(_TEMPORARY):
            left.rmdir()


def _end_leftover(cluster: Path) -> None:
    """Wait for the server of an earlier start, if it is still in its shutdown; raises DatabaseFailed.

    We hold the lock, so no living program owns it; a pid that belongs to a stranger is no server of ours.
    """
    lines = postmaster_lines(cluster)
    if not lines or not lines[0].lstrip("-").isdigit():
        return
    pid = abs(int(lines[0]))
    until = time.monotonic() + _STOP_PATIENCE_S
    while _is_server_of(cluster, pid):
        if time.monotonic() > until:
            raise DatabaseFailed(f"Um PostgreSQL anterior (processo {pid}) usa {cluster} e não termina.")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        time.sleep(0.1)  # between two looks


def _clear_away(cluster: Path, socket_dir: Path) -> None:
    """Take away what a server that fell left: we hold the lock and none runs, so none of it is in use.

    Its orphaned children hold the shared memory for a moment, and some, stopped or waiting for one that is
    gone, for ever. Its lock files keep the next one out where it fell between making and filling them: an
    empty one may be of a server that just starts, says PostgreSQL, and stays out for good. Where a process
    of it does not go, the files stay too, and PostgreSQL judges.
    """
    until = time.monotonic() + _ORPHAN_PATIENCE_S
    while orphans := [pid for pid in _process_ids() if _is_server_of(cluster, pid)]:
        if time.monotonic() > until:
            return
        for pid in orphans:
            with suppress(OSError):  # it ended by itself, or is a stranger's whom we may not touch
                os.kill(pid, signal.SIGKILL)
                log.warning("database_orphan_ended", pid=pid)
        time.sleep(0.02)  # a killed process that is no child of ours tells nobody when it is gone
    with suppress(OSError):  # PostgreSQL says what is wrong with the folder
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        (socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)


def _process_ids() -> Iterator[int]:
    return (int(process.name) for process in Path("/proc").glob("[0-9]*"))


def _is_server_of(cluster: Path, pid: int) -> bool:
    process = Path(f"/proc/{pid}")
    with suppress(OSError):
        if "postgres" not in (process / "comm").read_text(encoding="utf-8", errors="replace"):
            return False
        try:
            return (process / "cwd").readlink() == cluster.resolve()
        except PermissionError:  # root without CAP_SYS_PTRACE, as in a container: this is open to all
            return os.fsencode(cluster) in (process / "cmdline").read_bytes().split(b"\0")
    return False
