"""Counts how many slots of a platform's limits a message uses up: one, or one for each part of a long text.

A slot ("moment") is the right to one hand-over, as `gate` grants it. Platforms that count parts say so in
`Capabilities.limits_count_parts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, takewhile
from typing import NamedTuple

from disparo.dispatch.claims import Prepared
from disparo.dispatch.gate import Gate, RateGrant
from disparo.dispatch.line import Line
from disparo.platforms.base import Capabilities


class PartsGrant(NamedTuple):
    """Slots for the first messages of a line; `ahead` came from earlier grants, for the first message.

    A long text under a slow limit needs more slots than one grant holds: they are collected, and it goes
    once it has them all.
    """

    grant: RateGrant
    ahead: int = 0

    @property
    def moments(self) -> int:
        """Give the number of slots, those collected earlier included."""
        return self.grant.count + self.ahead


class RateParts:
    """Asks one lane's gate for slots, and tells how many messages they are enough for."""

    def __init__(self, gate: Gate, able: Capabilities) -> None:
        self._gate = gate
        limited = able.per_second is not None or able.per_day is not None
        self._counts_parts = able.limits_count_parts and limited

    def of(self, items: Sequence[Prepared]) -> int:
        """Give the number of slots that these messages use up."""
        return sum(item.start.segments for item in items) if self._counts_parts else len(items)

    async def ask(self, line: Line, wanted: int, *, urgent: bool) -> PartsGrant:
        """Ask for slots for the first `wanted` messages of a line; waits until the first of them may go."""
        if not self._counts_parts:
            return PartsGrant(await self._gate.moments(wanted, urgent=urgent))
        first = self.of(line.first(1))
        grant = await self._gate.moments(self.of(line.first(wanted)), urgent=urgent)
        ahead = 0
        while grant.count and grant.count + ahead < first:
            ahead += grant.count
            grant = await self._gate.moments(first - ahead, urgent=urgent)
        return PartsGrant(grant, ahead)

    def fitting(self, line: Line, granted: PartsGrant) -> tuple[int, int]:
        """Give how many messages of a line these slots are enough for, and how many the first had collected.

        Another message may have come first meanwhile: slots collected for a long text are of no use to a
        short one.
        """
        if not self._counts_parts:
            return granted.grant.count, 0
        items = line.first(granted.moments)
        ahead = min(granted.ahead, max(0, self.of(items[:1]) - 1))
        worth = accumulate(item.start.segments for item in items)
        return sum(1 for _ in takewhile(lambda used: used <= granted.grant.count + ahead, worth)), ahead
