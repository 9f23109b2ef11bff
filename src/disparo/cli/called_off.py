"""SIGTERM and SIGHUP end a command as Ctrl-C does: it clears up, says what it did, and dies of the signal.

A scheduled backup that takes too long and a terminal that is closed would leave half a copy, and pg_dump at
work on it; an import would leave no word of what it stored.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

_NUMBERS = (signal.SIGTERM, signal.SIGHUP)
_came: list[int] = []


def hear() -> None:
    """Take the signals, but for those that whoever started us had ignored (nohup)."""
    for number in _NUMBERS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _as_ctrl_c)


def hear_no_more() -> None:
    """Leave them to the system again: for a command that takes Ctrl-C for something else."""
    for number in _NUMBERS:
        if signal.getsignal(number) is _as_ctrl_c:
            signal.signal(number, signal.SIG_DFL)


def die_of_what_came() -> None:
    """End as the signal would have ended us, if one came: whoever waits for us is told so."""
    for number in _came:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # its reader is gone, or there never was one
                stream.flush()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    if _came:
        return  # a terminal's end is told twice, by the shell and by the kernel
    _came.append(number)
    on_ctrl_c = signal.getsignal(signal.SIGINT)
    # A shell ignores it in what runs behind its back.
    (on_ctrl_c if callable(on_ctrl_c) else signal.default_int_handler)(signal.SIGINT, frame)
