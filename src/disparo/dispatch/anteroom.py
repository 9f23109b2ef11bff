"""Keeps a receipt that came before the outcome of its message until that outcome is written.

Over a connection that a platform keeps with us (SMPP), an answer and its receipt can come in the same
packet. Stored at once, the receipt would find no message and be looked up again, and both would lock one
row from two sides. It waits here while this worker is writing that outcome; a receipt for another worker's
outcome meets it in the database (docs/decisions/0006).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from disparo.platforms.base import Hear, Heard

_LOOK_EVERY_S = 0.005


class _Visitor(NamedTuple):
    platform: str
    heard: Heard
    raw: str
    told: Callable[[bool], None]


class Anteroom:
    """Delays early receipts of one worker's platforms; all others go straight on to `hear` (`intake`)."""

    def __init__(
        self,
        hear: Callable[[str, Heard, str, Callable[[bool], None]], None],
        *,
        is_unwritten: Callable[[str, str], bool],
    ) -> None:
        self._hear = hear
        self._is_unwritten = is_unwritten
        self._waiting: list[_Visitor] = []

    def door(self, platform: str) -> Hear:
        """Give the function that one platform calls with what it heard."""

        def hear(heard: Heard, raw: str, told: Callable[[bool], None]) -> None:
            self._let_in([_Visitor(platform, heard, raw, told)])

        return hear

    def _let_in(self, visitors: Sequence[_Visitor]) -> None:
        had_none = not self._waiting
        for visitor in visitors:
            if self._is_early(visitor):
                self._waiting.append(visitor)
            else:
                self._hear(*visitor)
        if had_none and self._waiting:
            asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        visitors, self._waiting = self._waiting, []
        self._let_in(visitors)

    def _is_early(self, visitor: _Visitor) -> bool:
        return any(
            event.platform_id is not None and self._is_unwritten(visitor.platform, event.platform_id)
            for event in visitor.heard.receipts
        )
