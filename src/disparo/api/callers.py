"""Finds a caller's address and scheme, believing only proxies that the settings trust."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import Scope

from disparo.api.header_fields import fields_of

_SPEAKING_FOR = frozenset((b"x-forwarded-for", b"x-real-ip", b"forwarded", b"via"))
_TELLING = _SPEAKING_FOR | {b"x-forwarded-proto"}
_Address = IPv4Address | IPv6Address


class Callers:
    """Middleware that writes the caller's address and scheme into each request."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = [ip_network(proxy) for proxy in trusted_proxies]

    def settle(self, scope: Scope) -> None:
        """Write the caller's address, and the scheme they used, into the scope of a request."""
        peer = read_address(scope["client"][0]) if scope.get("client") else None
        if peer is None:
            return
        if _TELLING.isdisjoint(fields_of(scope)):  # no proxy, or one that says nothing
            scope.setdefault("state", {})["is_spoken_for"] = False
            scope["client"] = (_spelled(scope["client"][0]), scope["client"][1])
            return
        headers = dict(scope["headers"])
        trusted = self._is_trusted(peer)
        named = trusted and b"x-forwarded-for" in headers
        # From any other peer such words tell one thing alone: that it may not be the caller.
        scope.setdefault("state", {})["is_spoken_for"] = not (named or _SPEAKING_FOR.isdisjoint(headers))
        if trusted:
            scheme = headers.get(b"x-forwarded-proto", b"").decode("latin-1").strip().lower()
            if scheme in ("http", "https"):
                scope["scheme"] = scheme
            # Some proxies (HAProxy) write a line of their own below the one that came (RFC 9110 §5.3).
            lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
            peer, is_told = self._behind(peer, b",".join(lines).decode("latin-1"))
            if named and not is_told:  # it speaks for somebody, and says not for whom
                scope["state"]["is_spoken_for"] = True
        scope["client"] = (str(peer), scope["client"][1])

    def _behind(self, proxy: _Address, named: str) -> tuple[_Address, bool]:
        """Walk from the nearest to the farthest; the first that is no proxy of ours is the caller.

        What stands left of it is the caller's own word, and a word that is no address ends the walk: False.
        """
        caller = proxy
        for word in reversed(named.split(",")):
            address = read_address(word.strip())
            if address is None:
                return caller, False
            caller = address
            if not self._is_trusted(address):
                break
        return caller, True

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


@lru_cache(maxsize=4096)
def _spelled(text: str) -> str:
    return str(read_address(text))


@lru_cache(maxsize=4096)
def read_address(text: str) -> _Address | None:
    """Read an address as servers and proxies write it: also `[::1]:80`, `1.2.3.4:80`, `::ffff:1.2.3.4`."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
