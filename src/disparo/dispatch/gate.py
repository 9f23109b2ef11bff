"""Asks the database how much one lane may start, under limits that all workers share.

Three limits: so many hand-overs a second (a slot, or "moment", for each), in 24 hours, and at once (places
of the window). Why so: docs/decisions/0021.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import structlog

from disparo.db import rates
from disparo.db.pool import TRANSIENT, Pool
from disparo.platforms.base import Capabilities

log = structlog.get_logger(__name__)

#: Whatever ails the database: a lane that ended for it would leave what it started in nobody's hands.
_FAULTS = (*TRANSIENT, asyncpg.PostgresError)
_DATABASE_RETRY_S = 0.2
#: A share is asked for anew so often while there is work, and given up after so long without any.
_SHARE_EVERY_S = 0.25
_IDLE_S = 1.0
#: A moment missed by more is given up: made up for, it would be one too many within a second.
LATE_S = 0.01
#: Moments further ahead are nobody's yet; of these, bulk runs may take so much.
_AHEAD_S, _BULK_SHARE = 0.25, 0.8
#: From the question to the first moment: the commit of starts lies between. Moments are asked for further
#: ahead than that; what is started earlier would hold places of the window and do nothing.
_RUN_UP_S, _START_AHEAD_S = 0.02, 0.025
#: While places are scarce, moments are asked for in groups of so many seconds' worth.
_GROUP_S = 0.01


#: How fast two clocks may drift apart: more than any two that are kept at all.
_DRIFT = 0.0002


@dataclass(frozen=True, slots=True)
class RateGrant:
    """The right to hand over so many `messages` of one lane, that use up `cost` of its limits together.

    The first of their slots is at `first_at` (time.monotonic), each `interval_s` after the other. The limit
    of 24 hours counts the cost in the ten minutes of `bucket`; `day_full_s` above 0: that limit is reached,
    and nothing is granted before so many seconds have passed.
    """

    messages: int
    cost: int
    slots: int
    first_at: float
    interval_s: float
    day_full_s: float = 0.0
    bucket: datetime | None = None


def unlimited(messages: int) -> RateGrant:
    """Give the right to hand over so many where no limit counts them."""
    return RateGrant(messages, messages, 0, time.monotonic(), 0.0)


class ServerClock:
    """Estimates the database server's clock in seconds of time.monotonic(), from its quickest answers.

    A slow answer tells a moment no better than to its own length: hand-overs timed by it would be as much
    too early, and one second would hold too many of them.
    """

    def __init__(self) -> None:
        self._least, self._most = -math.inf, math.inf  # how far our clock is ahead of the server's
        self._noted_at = -math.inf

    def note(self, now_s: float, *, after: float, before: float) -> None:
        """Learn from an answer: the server's clock stood at `now_s` between these two moments of ours."""
        drift_s = max(0.0, before - self._noted_at) * _DRIFT
        self._noted_at = before
        least = max(self._least - drift_s, after - now_s)
        most = min(self._most + drift_s, before - now_s)
        # Where the two have nothing in common the server's clock has been set.
        self._least, self._most = (least, most) if least <= most else (after - now_s, before - now_s)

    def here(self, at_s: float) -> float:
        """Give, on our clock, a moment of the server's clock."""
        return at_s + (self._least + self._most) / 2


class Gate:
    """The limits of one lane's platform; `places` is how many hand-overs the lane may have under way."""

    def __init__(self, pool: Pool, platform: str, able: Capabilities) -> None:
        self._pool = pool
        self._platform = platform
        self._able = able
        self.places = 0 if able.shared_window else able.window
        self._busy_at = 0.0
        # With places that it wants or has, and others leave to it; or those of the lane before it.
        self._is_listed = True
        self._server = ServerClock()
        # A hand-over may be late by LATE_S here, and as much again on the wire and at the other end: with
        # slots a little wider no second, wherever it begins, holds one too many.
        self.interval_s = (1.0 + 3 * LATE_S) / able.per_second if able.per_second else 0.0

    @property
    def is_timed(self) -> bool:
        """Whether the platform has a limit a second, so that each message has a slot of its own."""
        return self._able.per_second is not None

    @property
    def asks_nobody(self) -> bool:
        """Whether more may be started with no question to the database: no limit is shared with others."""
        able = self._able
        return able.per_second is None and able.per_day is None and able.shared_window is None

    async def begin(self) -> None:
        """Have the limit of 24 hours count what went before there was one."""
        able = self._able
        while able.per_day is not None:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    await rates.count_day(connection, self._platform, by_parts=able.limits_count_parts)
            except _FAULTS as error:
                log.warning("limits_wait_for_database", platform=self._platform, error=type(error).__name__)
                await asyncio.sleep(_DATABASE_RETRY_S)
                continue
            return

    async def moments(self, costs: Sequence[int], *, urgent: bool) -> RateGrant:
        """Ask for slots for messages, in order; waits until there is at least one, or the day is used up.

        `costs`: how many each uses up. Only the first message's may be more than the slots it is granted.
        The last fifth of the slots that can be granted is kept for `urgent` (single) messages.
        """
        able = self._able
        if able.per_second is None and able.per_day is None:
            return unlimited(len(costs))
        ahead_s = _AHEAD_S if urgent else _AHEAD_S * _BULK_SHARE
        return await self._take(costs, able.per_day, ahead_s=ahead_s, run_up_s=_RUN_UP_S)

    async def more_moments(self, wanted: int, *, run_up_s: float) -> RateGrant:
        """Ask for slots, the first in `run_up_s` or later, for what the limit of 24 hours has counted."""
        return await self._take([1] * wanted, None, ahead_s=_AHEAD_S, run_up_s=run_up_s)

    async def _take(
        self, costs: Sequence[int], per_day: int | None, *, ahead_s: float, run_up_s: float
    ) -> RateGrant:
        if self._able.per_second is not None:
            costs = costs[: max(1, int(self._able.per_second * _AHEAD_S))]
        while True:
            try:
                async with self._pool.acquire() as connection:
                    asked_at = time.monotonic()
                    slots = await rates.take_slots(
                        connection,
                        self._platform,
                        interval_s=self.interval_s,
                        per_day=per_day,
                        costs=costs,
                        ahead_s=ahead_s,
                        run_up_s=run_up_s,
                    )
            except _FAULTS as error:
                log.warning("limits_wait_for_database", platform=self._platform, error=type(error).__name__)
                await asyncio.sleep(_DATABASE_RETRY_S)
                continue
            self._server.note(slots.now_s, after=asked_at, before=time.monotonic())
            if slots.messages or slots.day_full_s:
                return RateGrant(
                    slots.messages,
                    sum(costs[: slots.messages]),
                    slots.slots,
                    self._server.here(slots.now_s + slots.wait_s),
                    self.interval_s,
                    slots.day_full_s,
                    slots.bucket,
                )
            await asyncio.sleep(slots.wait_s)

    @property
    def group(self) -> int:
        """Give the number of messages for which it is worth asking."""
        return max(1, int((self._able.per_second or 0.0) * _GROUP_S))

    async def until_near(self, grant: RateGrant) -> None:
        """Wait until it is time to commit the starts that these slots are for."""
        if self.is_timed and not grant.day_full_s:
            await asyncio.sleep(grant.first_at - time.monotonic() - _START_AHEAD_S)

    async def give_back(self, grant: RateGrant, cost: int) -> None:
        """Take what was not used of a grant off the count of 24 hours."""
        if cost <= 0 or self._able.per_day is None or grant.bucket is None:
            return
        try:
            async with self._pool.acquire() as connection:
                await rates.give_back_slots(connection, self._platform, cost, bucket=grant.bucket)
        except _FAULTS:
            return  # less that day; never more

    async def keep_share(
        self, worker_id: Callable[[], UUID], load: Callable[[], tuple[int, int]], changed: asyncio.Event
    ) -> None:
        """Lease and renew this lane's places of a window that all workers share, until cancelled.

        `load` gives the messages (waiting, in flight); `changed` is set when the number of places may have
        changed.
        """
        window = self._able.shared_window
        while window is not None:
            waiting, in_flight = load()
            now = time.monotonic()
            if waiting or in_flight:
                self._busy_at = now
            wants = min(window, waiting + in_flight)
            lowered = False
            if wants or (self._is_listed and now - self._busy_at > _IDLE_S):
                before = self.places
                await self._ask_for_places(worker_id, wants, in_flight, window)
                lowered = self.places < before
                changed.set()
            if not lowered:  # what it may use no more is given back by the next question: at once
                await asyncio.sleep(_SHARE_EVERY_S if self.places else _SHARE_EVERY_S / 10)

    async def _ask_for_places(
        self, worker_id: Callable[[], UUID], wants: int, in_flight: int, window: int
    ) -> None:
        asker = worker_id()
        # While the answer is awaited the lane goes on, and may use all the places it has.
        in_use = max(in_flight, self.places)
        self._is_listed = True
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                places = await rates.share_window(
                    connection, self._platform, asker, wants=wants, in_use=in_use, window=window
                )
        except _FAULTS:
            return
        self._is_listed = wants > 0 or in_use > 0
        # Only once it is committed: until then the places are somebody else's. And only to the one who asked:
        # a worker that was taken over meanwhile has none under its new name.
        if worker_id() == asker:
            self.places = places
