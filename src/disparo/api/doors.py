"""Decides which webhook calls are let in, by secret and by the address they come from."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from disparo.api.callers import read_address
from disparo.platforms.generic_settings import GenericHttpSettings
from disparo.platforms.registry import read_table


@dataclass(frozen=True, slots=True)
class Door:
    """What lets a call in for one platform: one or two live secrets, and its networks (none: anywhere)."""

    secrets: tuple[bytes, ...]
    sources: tuple[IPv4Network | IPv6Network, ...]

    def opens_to(self, secret: str, address: str) -> bool:
        """Tell whether a call with this secret from this address is let in."""
        given = secret.encode("utf-8", "replace")
        # Every secret is compared, whichever it is: the time tells nothing.
        fits = [hmac.compare_digest(given, each) for each in self.secrets]
        return any(fits) and self._is_source(address)

    def _is_source(self, address: str) -> bool:
        caller = read_address(address)
        return not self.sources or (caller is not None and any(caller in net for net in self.sources))


def doors_of(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Door]:
    """Give the door of each platform that has a secret, by its name."""
    read = {name: read_table(name, table) for name, table in tables.items()}
    return {
        name: Door(
            tuple(secret.encode() for secret in table.webhook_secrets), tuple(map(ip_network, table.sources))
        )
        for name, table in read.items()
        if isinstance(table, GenericHttpSettings) and table.webhook_secrets
    }
