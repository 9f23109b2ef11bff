"""How many moments messages take of a platform's limits: one each, or one for each part of a long text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, takewhile
from typing import NamedTuple

from disparo.dispatch.claims import Prepared
from disparo.dispatch.gate import Gate, RateGrant
from disparo.dispatch.line import Line
from disparo.platforms.base import Capabilities


class PartsGrant(NamedTuple):
    """A grant, and how many moments were let pass before it for the first message's parts.

    A long text under a slow limit takes more than are granted at once: it goes when it has them all.
    """

    grant: RateGrant
    ahead: int = 0

    @property
    def moments(self) -> int:
        """How many there are altogether."""
        return self.grant.count + self.ahead


class RateParts:
    """One for each lane."""

    def __init__(self, gate: Gate, able: Capabilities) -> None:
        self._gate = gate
        limited = able.per_second is not None or able.per_day is not None
        self._counts_parts = able.limits_count_parts and limited

    def of(self, items: Sequence[Prepared]) -> int:
        """Give how many moments these take."""
        return sum(item.start.segments for item in items) if self._counts_parts else len(items)

    async def ask(self, line: Line, wanted: int, *, urgent: bool) -> PartsGrant:
        """Ask for the moments of the first `wanted` of a line, or of fewer; waits until the first may go."""
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
        """Give how many from a line may go, and how many moments ahead the first of them had.

        Another one may be first by now: what was let pass for a long text is of no use to a short one.
        """
        if not self._counts_parts:
            return granted.grant.count, 0
        items = line.first(granted.moments)
        ahead = min(granted.ahead, max(0, self.of(items[:1]) - 1))
        worth = accumulate(item.start.segments for item in items)
        return sum(1 for _ in takewhile(lambda used: used <= granted.grant.count + ahead, worth)), ahead
