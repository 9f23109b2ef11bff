"""Rate limits that hold across server processes: one row a bucket (GCRA), on the database's clock."""

from __future__ import annotations

import hashlib

from disparo.db import rate_limits
from disparo.db.pool import Pool


class TooMany(Exception):
    """The bucket is empty; `wait_s` whole seconds until the next call passes."""

    def __init__(self, wait_s: int) -> None:
        super().__init__("too many requests")
        self.wait_s = wait_s


class Throttle:
    """Takes one call out of a bucket."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take(self, kind: str, who: str, *, per_s: float, burst: int) -> None:
        """Count one call; raises TooMany. `per_s` 0: no limit. Only a digest of `who` is stored."""
        if per_s <= 0:
            return
        name = f"{kind}:{hashlib.blake2b(who.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"
        async with self._pool.acquire() as connection:
            wait_s = await rate_limits.take(connection, name, interval_s=1 / per_s, burst=burst)
        if wait_s > 0:
            raise TooMany(max(1, round(wait_s + 0.499)))
