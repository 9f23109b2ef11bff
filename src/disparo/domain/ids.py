"""Ids that follow the clock, and that nobody can guess."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

_RANDOM_BITS = 74
_VERSION_7, _VARIANT = 0x7 << 76, 0b10 << 62


def new_id() -> UUID:
    """Give a UUID of version 7 (RFC 9562): milliseconds first, then 74 random bits.

    Indexes then grow at one end: with random ids each row falls into a page of its own, and the larger the
    table, the more pages are read, written and logged whole.
    """
    drawn = secrets.randbits(_RANDOM_BITS)
    high, low = drawn >> 62, drawn & ((1 << 62) - 1)
    return UUID(int=(time.time_ns() // 1_000_000) << 80 | _VERSION_7 | high << 64 | _VARIANT | low)


def new_reference() -> str:
    """Give a message's reference: 32 hexadecimal digits, twelve of the clock and twenty random."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
