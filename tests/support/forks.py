"""Processes of ours that begin where every module is loaded already: a suite starts hundreds of them.

Loading is most of a start (a server's takes two seconds of CPU). Each process is still one of its own, to be
killed, stopped and started at will; what only a start from nothing shows is in tests that start so, and in the
long runs, which all do.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

#: What the roles of a stage load, now or at their first call.
_LOADED = (
    "disparo.cli.serve",
    "disparo.cli.worker",
    "disparo.cli.simulator",
    "uvloop",
    "uvicorn.lifespan.on",
)
_BEGINNINGS = multiprocessing.get_context("forkserver")
_BEGINNINGS.set_forkserver_preload([*_LOADED])


def can_begin_with(own: Mapping[str, str]) -> bool:
    """Whether a test runs, and everything of the process's own environment is read after loading.

    What others than Disparo read (trusted certificates, preloaded libraries) is read while loading.
    """
    return "PYTEST_CURRENT_TEST" in os.environ and all(name.startswith("DISPARO_") for name in own)


class Fork:
    """One such process, used like a `subprocess.Popen`; it ends with ours at the latest."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._process = _BEGINNINGS.Process(target=_begin, args=(arguments, environment, log), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0)
        return self.returncode


def _begin(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    module, *rest = arguments
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
