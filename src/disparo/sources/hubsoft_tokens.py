"""Admits HubSoft's own tokens while it says that they live; a digest is remembered, a minute at most."""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from disparo.auth.tokens import digest

_KEPT_S = 60.0
#: A refused token is asked about again sooner: it may have been issued a moment ago.
_REFUSED_KEPT_S = 5.0
_MOST_KEPT = 10_000
_SHAPE = re.compile(r"[A-Za-z0-9._~+/=|-]{16,4096}")


@dataclass(slots=True)
class HubsoftTokens:
    """The tokens that one process remembers. `ask` tells whether HubSoft knows one; it raises SourceDown."""

    ask: Callable[[str], Awaitable[bool]]
    _known: OrderedDict[bytes, tuple[bool, float]] = field(default_factory=OrderedDict)
    _asking: dict[bytes, asyncio.Task[bool]] = field(default_factory=dict)

    def remembered(self, token: str) -> bool | None:
        """Tell what is known of a token without asking; None where nothing is."""
        kept = self._known.get(digest(token))
        return kept[0] if kept is not None and time.monotonic() < kept[1] else None

    async def lives(self, token: str) -> bool:
        """Tell whether a token lives; calls that come together with one token ask once. Raises SourceDown."""
        if not _SHAPE.fullmatch(token):
            return False
        known = self.remembered(token)
        if known is not None:
            return known
        name = digest(token)
        if name not in self._asking:
            self._asking[name] = asyncio.create_task(self._ask(name, token))
        return await asyncio.shield(self._asking[name])

    async def _ask(self, name: bytes, token: str) -> bool:
        try:
            found = await self.ask(token)
        finally:
            del self._asking[name]
        self._known[name] = (found, time.monotonic() + (_KEPT_S if found else _REFUSED_KEPT_S))
        self._known.move_to_end(name)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return found
