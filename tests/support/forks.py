"""Processes of ours that begin where every module is loaded already: a suite starts hundreds of them.

Loading is most of a start (a server's takes two seconds of CPU). Each process is still one of its own, to be
killed, stopped and started at will; what only a start from nothing shows is in tests that start so, and in the
long runs, which all do.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from disparo import cli

#: What commands load, and the roles of a stage, now or at their first call.
_LOADED = (
    *sorted(found.name for found in pkgutil.walk_packages(cli.__path__, "disparo.cli.")),
    "uvloop",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "fastapi.telemetry._runtime",
    "disparo.queue.engine",
    "tests.support.frozen",  # last
)
_BEGINNINGS = multiprocessing.get_context("forkserver")
_BEGINNINGS.set_forkserver_preload([*_LOADED])


def can_begin_with(own: Mapping[str, str]) -> bool:
    """Whether a test runs, and everything of the process's own environment is read after loading.

    What others than Disparo read (trusted certificates, preloaded libraries) is read while loading.
    """
    after_loading = all(name.startswith("DISPARO_") or name == "TZ" for name in own)
    return after_loading and "PYTEST_CURRENT_TEST" in os.environ


def begin(arguments: Sequence[str], own: Mapping[str, str], log: Path) -> subprocess.Popen[bytes] | Fork:
    """Begin a module in a session of its own, from loaded modules where that makes no difference.

    `own`: what is set besides this process's environment; all it says goes to the end of `log`.
    """
    environment = {**os.environ, **own}
    if can_begin_with(own):
        return Fork(arguments, environment, log)
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=environment,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


class Fork:
    """One such process, used like a `subprocess.Popen`; it ends with ours at the latest."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        errors: Path | None = None,
        folder: Path | None = None,
        typed: Path | None = None,
    ) -> None:
        """`arguments`: a module and what it is given; `errors`: where they go, if not into the log."""
        files = (typed or Path(os.devnull), log, errors or log)
        given = (arguments, environment, files, folder)
        self._process = _BEGINNINGS.Process(target=_begin, args=given, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0)
        return self.returncode


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    folder: Path | None = None,
    typed: str = "",
    timeout_s: float,
) -> subprocess.CompletedProcess[str]:
    """Run a module to its end, as `subprocess.run` would; it reads what was `typed`. Kills it after `timeout_s`."""
    with tempfile.TemporaryDirectory(prefix="disparo-command-") as own:
        said, complained, keys = Path(own) / "said", Path(own) / "complained", Path(own) / "typed"
        keys.write_text(typed)
        process = Fork(arguments, environment, said, errors=complained, folder=folder, typed=keys)
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess([*arguments], status, said.read_text(), complained.read_text())


def _begin(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    files: tuple[Path, Path, Path],
    folder: Path | None,
) -> None:
    os.setsid()
    typed, *said = files
    sys.stdin = typed.open(encoding="utf-8")
    os.dup2(sys.stdin.fileno(), 0)
    for number, path in enumerate(said, 1):
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(file, number)
    if folder is not None:
        os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    module, *rest = arguments
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
