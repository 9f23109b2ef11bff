"""Whether the database's disk is full, as the calls of this process met it: reading alone does not tell."""

from __future__ import annotations

import time

from fastapi import Request

#: After so long without a call nobody knows; a balancer that waits for /saude lets the next one find out.
_KNOWN_FOR_S = 60.0


def note(request: Request) -> None:
    """Note that a call could not be stored for want of room."""
    request.app.state.disk_full_until = time.monotonic() + _KNOWN_FOR_S


def note_room(request: Request) -> None:
    """Note that a call was stored."""
    request.app.state.disk_full_until = 0.0


def is_so(request: Request) -> bool:
    """Tell whether the last call of late that was to be stored found no room."""
    return bool(time.monotonic() < getattr(request.app.state, "disk_full_until", 0.0))
