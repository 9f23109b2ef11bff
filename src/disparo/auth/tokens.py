"""Access tokens: RS256 JWTs, verified here and then looked up, so that a revoked one is dead at once."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_ALGORITHM = "RS256"
_KEY_BITS = 2048
_LONGEST_TOKEN = 4096
_LEEWAY_S = 5
#: Verified tokens that are remembered by their text: checking a signature costs more than all else of a call.
_MOST_VERIFIED = 4096


class InvalidToken(Exception):
    """Not a token of ours that is still alive; the caller is told no more than that."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One RSA key; `kid` is in the header of every token signed with it."""

    kid: str
    private_pem: str
    public_pem: str


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says of itself, once its signature and times hold."""

    jti: UUID
    client_id: int
    user_id: int


def new_signing_key() -> SigningKey:
    """Make an RSA key; takes some 100 ms."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return SigningKey(uuid4().hex, private.decode(), public.decode())


def new_secret() -> str:
    """Make a client secret, a refresh token: 256 random bits."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Give what is stored of a secret with 256 random bits: its SHA-256."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


class TokenMint:
    """Signs with the last key and verifies with all of them."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._keys: Sequence[SigningKey] = ()
        self._verified: dict[str, tuple[Claims, float]] = {}
        self.use(keys)

    def use(self, keys: Sequence[SigningKey]) -> None:
        """Go on with these keys, among which are all that there were."""
        #: When these were all there are, of CLOCK_BOOTTIME: a machine that stood still heard of no others.
        self.known_at = time.clock_gettime(time.CLOCK_BOOTTIME)
        if [key.kid for key in keys] == [key.kid for key in self._keys]:
            return
        self._signing = serialization.load_pem_private_key(keys[-1].private_pem.encode(), None)
        self._public: Mapping[str, rsa.RSAPublicKey] = {key.kid: _public_key(key) for key in keys}
        self._keys = keys

    def sign(
        self,
        *,
        jti: UUID,
        client_id: int,
        user_id: int,
        scopes: Sequence[str],
        now: datetime,
        lifetime_s: int,
    ) -> str:
        """Give a signed token."""
        claims = {
            "aud": str(client_id),
            "jti": str(jti),
            "iat": now,
            "nbf": now,
            "exp": now + timedelta(seconds=lifetime_s),
            "sub": str(user_id),
            "scopes": list(scopes),
        }
        assert isinstance(self._signing, rsa.RSAPrivateKey)  # noqa: S101 - for the type checker
        headers = {"jti": str(jti), "kid": self._keys[-1].kid}
        return jwt.encode(claims, self._signing, _ALGORITHM, headers=headers)

    def made(self, token: str) -> bool:
        """Tell whether a token names a key of ours, dead or alive: such a one is never shown to others."""
        try:
            return jwt.get_unverified_header(token).get("kid") in self._public
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return False

    def verify(self, token: str) -> Claims:
        """Check signature and times; raises InvalidToken. Whether it is revoked is the table's to say."""
        claims, expires_at = self._verified.get(token, (None, 0.0))
        if claims is not None and time.time() < expires_at:
            return claims
        claims, expires_at = self._verify(token)
        if len(self._verified) >= _MOST_VERIFIED:
            self._verified.clear()
        self._verified[token] = claims, expires_at
        return claims

    def _verify(self, token: str) -> tuple[Claims, float]:
        if len(token) > _LONGEST_TOKEN:
            raise InvalidToken
        try:
            key = self._public[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                # When it began is not checked: the clock of the machine that signed it may be ahead of ours.
                options={
                    "verify_aud": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "require": ["exp", "jti", "sub", "aud"],
                },
                leeway=_LEEWAY_S,
            )
            found = Claims(UUID(claims["jti"]), int(claims["aud"]), int(claims["sub"]))
            return found, claims["exp"] + _LEEWAY_S
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, RecursionError) as error:
            raise InvalidToken from error


def _public_key(key: SigningKey) -> rsa.RSAPublicKey:
    loaded = serialization.load_pem_public_key(key.public_pem.encode())
    assert isinstance(loaded, rsa.RSAPublicKey)  # noqa: S101 - for the type checker: we made it
    return loaded
