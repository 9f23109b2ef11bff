"""Rate limits that hold across server processes: one row a bucket (GCRA), on the database's clock.

Under a fast limit a process takes a slice of places at once and gives them out from memory. What it does
not give out within the slice's time is lost, so that all processes together never pass more than the limit
allows plus one slice each. Slow limits, where every single place counts, have slices of one.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
import unicodedata
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

from disparo.db import rate_limits
from disparo.db.pool import Pool

#: A slice is what the limit allows in this time, and no more than this share of the burst.
_SLICE_S = 0.05
_BURST_SHARE = 16
#: A refusal holds until there can be a place again: meanwhile the database would say the same.
_LONGEST_REFUSAL_S = 1.0
_MOST_BUCKETS = 10_000


#: A name may be tried so many times as often as an address may try: by guessing nobody, from one address,
#: shuts whoever has that name out.
OF_A_NAME = 4


def same_name(email: str) -> str:
    """Give what all spellings of an e-mail have in common that the database may take for one user's."""
    plain = unicodedata.normalize("NFKD", email.strip().casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


def same_line(address: str) -> str:
    """Give what all addresses have in common that one caller may call from.

    With IPv6 the least that a line gets is 2^64 of them (RFC 6177): they count as one.
    """
    try:
        found = ip_address(address)
    except ValueError:  # a socket's
        return address
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else address


class TooMany(Exception):
    """The bucket is empty; `wait_s` whole seconds until the next call passes."""

    def __init__(self, wait_s: int) -> None:
        super().__init__("too many requests")
        self.wait_s = wait_s


@dataclass(slots=True)
class _Bucket:
    """What this process holds of a bucket: places until a moment, or the refusal until another."""

    places: int = 0
    places_until: float = 0.0
    next_at: float = 0.0
    refused_until: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Throttle:
    """Takes one call out of a bucket."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._buckets: dict[tuple[str, str, float, int], _Bucket] = {}

    async def take(self, kind: str, who: str, *, per_s: float, burst: int) -> None:
        """Count one call; raises TooMany. `per_s` 0: no limit. Only a digest of `who` is stored."""
        if per_s <= 0:
            return
        bucket = self._bucket(kind, who, per_s, burst)
        if _take_held(bucket):
            return
        async with bucket.turn:  # of callers that come together one asks, and the others find its slice
            if _take_held(bucket):
                return
            await self._ask(bucket, _name(kind, who), per_s, burst)

    async def _ask(self, bucket: _Bucket, name: str, per_s: float, burst: int) -> None:
        # Where no whole slice is free yet the call is refused: a limit that is met costs a question a slice.
        places = max(1, min(int(per_s * _SLICE_S), burst // _BURST_SHARE))
        async with self._pool.acquire() as connection:
            wait_s = await rate_limits.take(
                connection, name, interval_s=1 / per_s, burst=burst, places=places
            )
        if wait_s <= 0:
            bucket.places, bucket.places_until = places - 1, time.monotonic() + 2 * _SLICE_S
            return
        bucket.next_at = time.monotonic() + wait_s
        bucket.refused_until = min(bucket.next_at, time.monotonic() + _LONGEST_REFUSAL_S)
        raise _refusal(wait_s)

    def _bucket(self, kind: str, who: str, per_s: float, burst: int) -> _Bucket:
        key = (kind, who, per_s, burst)  # other limits for the same caller: nothing held counts any more
        found = self._buckets.get(key)
        if found is None:
            if len(self._buckets) >= _MOST_BUCKETS:
                self._buckets.clear()
            found = self._buckets[key] = _Bucket()
        return found


def _take_held(bucket: _Bucket) -> bool:
    now = time.monotonic()
    if now < bucket.refused_until:
        raise _refusal(bucket.next_at - now)
    if bucket.places and now < bucket.places_until:
        bucket.places -= 1
        return True
    return False


def _refusal(wait_s: float) -> TooMany:
    return TooMany(max(1, math.ceil(wait_s)))


def _name(kind: str, who: str) -> str:
    return f"{kind}:{hashlib.blake2b(who.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"
