"""Named places where a fault test can stop or kill this very process; without `arm` they cost a lookup.

The specification, `NAME:ACTION[:N]` and commas between several, comes from DISPARO_FAILPOINTS at a
process's edge. ACTION is `kill` (SIGKILL), `stop` (SIGSTOP until somebody sends SIGCONT); N is the hit
at which it happens, 1 by default, and it happens once.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

NAMES = frozenset(
    {
        "accept_before_commit",
        "accept_after_commit",
        "before_start",
        "between_record_and_start",
        "after_start",
        "after_write",
        "after_reply",
        "after_record",
        "receipt_before_store",
        "before_slice",
        "after_slice",
        "receipt_after_store",
    }
)
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


@dataclass(slots=True)
class _Armed:
    signal: signal.Signals
    hits_left: int


_armed: dict[str, _Armed] = {}


def arm(specification: str) -> None:
    """Set the failpoints of this process; raises ValueError for a name or an action there is not."""
    _armed.clear()
    for part in filter(None, specification.split(",")):
        name, action, *count = part.split(":")
        if name not in NAMES or action not in _SIGNALS:
            raise ValueError(f"no such failpoint: {part}")
        _armed[name] = _Armed(_SIGNALS[action], int(count[0]) if count else 1)


def hit(name: str) -> None:
    """Pass a failpoint."""
    if not _armed:
        return
    armed = _armed.get(name)
    if armed is None:
        return
    armed.hits_left -= 1
    if armed.hits_left == 0:
        os.kill(os.getpid(), armed.signal)
