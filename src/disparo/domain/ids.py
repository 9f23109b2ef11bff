"""Ids that follow the clock, and that nobody can guess."""

from __future__ import annotations

import os
import time
from collections import deque
from uuid import UUID

_VERSION_7, _VARIANT = 0x7 << 76, 0b10 << 62
_PIECE_BYTES = 10
#: Drawn from the system so many at a time: each draw is a system call, and a call takes two.
_PIECES = 256
_drawn: deque[bytes] = deque()
os.register_at_fork(after_in_child=_drawn.clear)  # no two processes may give out the same


def new_id() -> UUID:
    """Give a UUID of version 7 (RFC 9562): milliseconds first, then 74 random bits.

    Indexes then grow at one end: with random ids each row falls into a page of its own, and the larger the
    table, the more pages are read, written and logged whole.
    """
    drawn = int.from_bytes(_draw()) >> 6
    high, low = drawn >> 62, drawn & ((1 << 62) - 1)
    return UUID(int=(time.time_ns() // 1_000_000) << 80 | _VERSION_7 | high << 64 | _VARIANT | low)


def new_reference() -> str:
    """Give a message's reference: 32 hexadecimal digits, twelve of the clock and twenty random."""
    return f"{time.time_ns() // 1_000_000:012x}{_draw().hex()}"


def _draw() -> bytes:
    """Give ten random bytes, each piece once."""
    try:
        return _drawn.popleft()
    except IndexError:
        fresh = os.urandom(_PIECE_BYTES * _PIECES)
        _drawn.extend(fresh[at : at + _PIECE_BYTES] for at in range(_PIECE_BYTES, len(fresh), _PIECE_BYTES))
        return fresh[:_PIECE_BYTES]
