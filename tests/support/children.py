"""Children of `disparo run` and of a server in several processes, begun from what their parent has loaded (`forks`).

That they are begun from nothing too is in tests whose parent is: `test_install.py`, `test_wheel.py`, `test_family.py`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import runpy
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from disparo.cli import processes


class Child:
    """One such process, used like an `asyncio.subprocess.Process`."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.pid, self.returncode = 0, None
        self._given = (arguments, environment)
        self._loop = asyncio.get_running_loop()
        self._begun, self._ended = asyncio.Event(), asyncio.Event()
        # Of a thread's own, which lives as long: the kernel sends the parent-death signal when the *thread* ends,
        # and in a thread no loop is running that the child would believe to be its own.
        threading.Thread(target=self._run, daemon=True).start()

    async def begun(self) -> Child:
        await self._begun.wait()
        return self

    async def wait(self) -> int | None:
        await self._ended.wait()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _run(self) -> None:
        # A signal in between would be heard by our handlers, which tell the parent.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # our other thread waits for what we say
            self.pid = os.fork()
        if self.pid == 0:
            _become(*self._given, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._loop.call_soon_threadsafe(self._begun.set)
        _, status = os.waitpid(self.pid, 0)
        self._loop.call_soon_threadsafe(self._end, os.waitstatus_to_exitcode(status))

    def _end(self, status: int) -> None:
        self.returncode = status
        self._ended.set()


def _become(arguments: Sequence[str], environment: Mapping[str, str], signals: Any) -> None:
    """Be a process of its own: `python -m disparo ARGUMENTS`, with nothing of the parent's but its modules."""
    status = 1
    try:
        gc.freeze()  # what the parent had open is not ours to close, under numbers that are other files by then
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(-1)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        sys.argv = ["disparo", *arguments]
        runpy.run_module("disparo", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as asked:
        status = asked.code if isinstance(asked.code, int) else int(asked.code is not None)
    except BaseException:  # as the interpreter does, whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


async def _spawn(_: processes.Family, child: processes._Child) -> None:
    child.started_at = time.monotonic()
    begun = await Child(child.arguments, dict(child.environment)).begun()
    child.process = begun  # type: ignore[assignment]  # does all of a process that a family asks for


def begin_from_what_is_loaded() -> None:
    """For all processes that begin in this one."""
    processes.Family._spawn = _spawn  # type: ignore[method-assign]  # for tests alone
