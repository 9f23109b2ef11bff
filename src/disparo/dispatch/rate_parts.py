"""Counts what a message uses up of a platform's limits: one, or one for each part of a long text.

Its whole cost is counted in the limit of 24 hours before it starts: no day ends among its parts. Of the limit
a second each part has a slot, when it is ready to go (see `write_timer`). Platforms that count parts say so
in `Capabilities.limits_count_parts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, takewhile

from disparo.dispatch.claims import Prepared
from disparo.dispatch.gate import RateGrant
from disparo.platforms.base import Capabilities


class RateParts:
    """Tells the costs of one platform's messages, and how many of them a grant is enough for."""

    def __init__(self, able: Capabilities) -> None:
        limited = able.per_second is not None or able.per_day is not None
        self._counts_parts = able.limits_count_parts and limited

    def costs(self, items: Sequence[Prepared]) -> list[int]:
        """Give what each of these messages uses up."""
        return [item.start.segments for item in items] if self._counts_parts else [1] * len(items)

    def of(self, items: Sequence[Prepared]) -> int:
        """Give what these messages use up together."""
        return sum(self.costs(items))

    def fitting(self, items: Sequence[Prepared], grant: RateGrant) -> int:
        """Give how many of the first messages of a line a grant is enough for.

        They need not be those in whose name it was asked for: another may have come first meanwhile.
        """
        used = accumulate(self.costs(items[: grant.messages]))
        return sum(1 for _ in takewhile(lambda cost: cost <= grant.cost, used))


def full_from(able: Capabilities) -> int | None:
    """Give the use of 24 hours at which a platform takes no more; None: there is no limit.

    Where parts count, it may be as many short of the limit as the longest text needs besides its first.
    """
    if able.per_day is None or not able.limits_count_parts:
        return able.per_day
    return max(1, able.per_day - able.profile.max_parts + 1)
