"""Passwords: argon2id, two at a time, and the same work for a user that does not exist."""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: OWASP's second recommendation: 19 MiB. Forty logins at once took 1.7 GB without a limit.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = 2
_LONGEST_QUEUE = 20
_LONGEST = 1024
#: Of one that a person makes up.
SHORTEST_OWN, LONGEST_OWN = 8, 200
#: A hash by `_HASHER` of a random text: work for users that do not exist, whatever password they bring.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$/ig0v9lwEZIrQJZBHbCwYg$XMplt77AzoueDQZFj8zetosaq09vFVADa6SWR2BkGC4"
#: None that is taken for another: no i, l, o, 0 or 1.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class TooManyLogins(Exception):
    """The queue of passwords to be checked is full."""


def new_password() -> str:
    """Make a password that can be read over the phone if need be."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def hash_password(password: str) -> str:
    """Give the hash to store; takes some 20 ms."""
    return _HASHER.hash(password)


class PasswordChecker:
    """Checks passwords in threads; one for each process."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._queued = 0

    async def verify(self, stored_hash: str | None, password: str) -> bool:
        """Check a password, against nobody's hash where there is no user; raises TooManyLogins."""
        if self._queued >= _LONGEST_QUEUE:
            raise TooManyLogins
        self._queued += 1
        try:
            async with self._places:
                return await asyncio.to_thread(_verify, stored_hash, password)
        finally:
            self._queued -= 1


def _verify(stored_hash: str | None, password: str) -> bool:
    # Too long, or not text that could ever have been hashed: still the same work.
    given = password.encode("utf-8", "replace")[:_LONGEST]
    right = len(given) == len(password.encode("utf-8", "surrogatepass")) and stored_hash is not None
    try:
        _HASHER.verify(stored_hash or _NOBODY, given)
    except (VerificationError, InvalidHashError):
        return False
    return right
