"""A family of processes: children that end with their parent, and are started anew when they fall."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby

import structlog

from disparo import life_signs

log = structlog.get_logger(__name__)

_PARENT = "DISPARO_PARENT_PID"
_PR_SET_PDEATHSIG = 1
#: A worker waits for a platform's answer, 120 s at the longest, and records it. Only at a limit of a part in
#: several seconds, or where an answer takes as long, may a long text that was begun take longer: it is killed
#: then, and that text is uncertain.
_STOP_PATIENCE_S = 130.0
#: A child that falls again within this time is started more and more slowly.
_STEADY_AFTER_S = 30.0
_SLOWEST_RESTART_S = 10.0
#: A child that said before that its loop turns, and has not for so long, is killed and started anew.
_HANGS_AFTER_S, _LOOK_EVERY_S = 60.0, 5.0


def end_with_parent() -> bool:
    """Ask the kernel to end this process when its parent dies; False: it is no child of a `Family`."""
    life_signs.take_pipe()
    parent = os.environ.pop(_PARENT, None)
    if parent is None:
        return False
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it died before we asked
        sys.exit(0)
    return True


@dataclass(slots=True)
class _Child:
    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    hears_signals: bool
    process: asyncio.subprocess.Process | None = None
    falls: int = 0
    started_at: float = field(default_factory=time.monotonic)
    pipe: int | None = None
    silent_s: float | None = None  # None: nothing was heard of it yet

    def listen(self, pipe: int) -> None:
        """Hear its signs of life."""
        self.pipe = pipe
        asyncio.get_running_loop().add_reader(pipe, self._hear)

    def hang_up(self) -> None:
        """Hear no more of the process that was."""
        if self.pipe is not None:
            asyncio.get_running_loop().remove_reader(self.pipe)
            os.close(self.pipe)
        self.pipe = self.silent_s = None

    def _hear(self) -> None:
        if self.pipe is None or not os.read(self.pipe, 4096):
            self.hang_up()
        else:
            self.silent_s = 0.0


class Family:
    """Children of this process; each runs `python -P -m disparo ARGUMENTS` in a session of its own.

    A session of its own, so that Ctrl-C at the terminal reaches the parent alone, which ends them in order.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment, _PARENT: str(os.getpid())}
        self._children: list[_Child] = []
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self, name: str, *arguments: str, hears_signals: bool = True) -> None:
        """Start a child and keep it running."""
        child = _Child(name, arguments, self._environment, hears_signals)
        self._children.append(child)
        await self._spawn(child)
        self._keepers.append(asyncio.create_task(self._keep(child)))
        if len(self._children) == 1:
            self._keepers.append(asyncio.create_task(self._look_for_hanging()))

    async def stop(self) -> None:
        """End all children, the last started first, those of one command together; the obstinate are killed.

        One after the other, workers at a slow platform would take longer than systemd waits for all.
        """
        for keeper in self._keepers:  # first: one that is being started anew would be nobody's to end
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for _, alike in groupby(reversed(self._children), key=lambda child: child.arguments[0]):
            await asyncio.gather(*map(_end, alike))

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to each child that listens for some."""
        for child in self._children:
            if child.hears_signals and child.process is not None and child.process.returncode is None:
                child.process.send_signal(number)

    def pids(self) -> dict[str, int]:
        """Give the process id of each child by name."""
        return {child.name: child.process.pid for child in self._children if child.process is not None}

    def silent_s(self, name: str) -> float | None:
        """Give for how long a child has said nothing, None where it never spoke."""
        return next(child.silent_s for child in self._children if child.name == name)

    async def _spawn(self, child: _Child) -> None:
        child.hang_up()
        child.started_at = time.monotonic()
        ours, theirs = os.pipe()
        try:
            child.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # no module of the folder that this was started in
                "-m",
                "disparo",
                *child.arguments,
                env={**child.environment, life_signs.PIPE: str(theirs)},
                pass_fds=(theirs,),
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        child.listen(ours)

    async def _look_for_hanging(self) -> None:
        looked_at = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            # Time in which this process itself stood still is none of the others' silence.
            passed, looked_at = min(time.monotonic() - looked_at, 2 * _LOOK_EVERY_S), time.monotonic()
            for child in self._children:
                if child.silent_s is None or child.process is None:
                    continue
                child.silent_s += passed
                if child.silent_s >= _HANGS_AFTER_S:
                    log.error("process_hangs_and_is_killed", process=child.name)
                    child.silent_s = None
                    with suppress(ProcessLookupError):
                        child.process.kill()

    async def _keep(self, child: _Child) -> None:
        while child.process is not None:
            status = await child.process.wait()
            steady = time.monotonic() - child.started_at > _STEADY_AFTER_S
            child.falls = 0 if steady else child.falls + 1
            log.warning("process_ended_and_is_started_again", process=child.name, status=status)
            await asyncio.sleep(min(_SLOWEST_RESTART_S, 0.1 * 2 ** min(child.falls, 8)))
            while True:
                try:
                    await self._spawn(child)
                    break
                except OSError as error:  # no memory or no process to be had at this moment
                    log.warning(
                        "process_cannot_be_started_now", process=child.name, error=type(error).__name__
                    )
                    await asyncio.sleep(1.0)


async def _end(child: _Child) -> None:
    child.hang_up()
    process = child.process
    if process is None or process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_PATIENCE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
