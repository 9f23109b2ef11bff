"""Keeps a receipt that came before the outcome of its message until that outcome is written.

Over a connection that a platform keeps with us (SMPP), an answer and its receipt can come in the same
packet. Stored at once, the receipt would find no message and be looked up again, and both would lock one
row from two sides. It waits here while this worker is writing that outcome; a receipt for another worker's
outcome meets it in the database (docs/decisions/0006).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from disparo.platforms.base import Hear, Heard

_LOOK_EVERY_S = 0.005


class _Visitor(NamedTuple):
    platform: str
    ids: tuple[tuple[str, str | None], ...]  # platform, its id
    heard: Heard
    raw: str
    told: Callable[[bool], None]


class Anteroom:
    """Delays early receipts of one worker's platforms; all others go straight on to `hear` (`intake`)."""

    def __init__(
        self,
        hear: Callable[[str, Heard, str, Callable[[bool], None]], None],
        *,
        unwritten: AbstractSet[tuple[str, str | None]],
    ) -> None:
        """Make one; `unwritten`: of which messages, by (platform, its id), an outcome is on its way."""
        self._hear = hear
        self._unwritten = unwritten
        self._waiting: list[_Visitor] = []

    def door(self, platform: str) -> Hear:
        """Give the function that one platform calls with what it heard."""

        def hear(heard: Heard, raw: str, told: Callable[[bool], None]) -> None:
            ids = tuple([(platform, event.platform_id) for event in heard.receipts])
            if self._unwritten.isdisjoint(ids):
                self._hear(platform, heard, raw, told)
            else:
                self._keep(_Visitor(platform, ids, heard, raw, told))

        return hear

    def _keep(self, visitor: _Visitor) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)
        self._waiting.append(visitor)

    def _look(self) -> None:
        visitors, self._waiting = self._waiting, []
        for visitor in visitors:
            if self._unwritten.isdisjoint(visitor.ids):
                self._hear(visitor.platform, visitor.heard, visitor.raw, visitor.told)
            else:
                self._keep(visitor)
