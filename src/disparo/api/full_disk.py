"""Remembers whether this process's calls found the database's disk full: reads alone do not tell."""

from __future__ import annotations

import time

from fastapi import Request

#: After so long without a call nobody knows; a balancer that waits for /saude lets the next one find out.
_KNOWN_FOR_S = 60.0


def note(request: Request) -> None:
    """Note that a call was not stored for lack of room."""
    request.app.state.disk_full_until = time.monotonic() + _KNOWN_FOR_S


def note_room(request: Request) -> None:
    """Note that a call was stored."""
    request.app.state.disk_full_until = 0.0


def is_so(request: Request) -> bool:
    """Tell whether the last call to be stored, of late, found no room."""
    return bool(time.monotonic() < getattr(request.app.state, "disk_full_until", 0.0))
