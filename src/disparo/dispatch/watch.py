"""Shares between workers what is known of each platform: whether it fails, is paused, may be tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

import asyncpg
import structlog

from disparo.db import platform_states, rates
from disparo.db.pool import Connection, Pool
from disparo.dispatch import hours
from disparo.dispatch.breaker import longest_pause_s
from disparo.dispatch.claims import Holder
from disparo.dispatch.give_back import let_go
from disparo.dispatch.handover import Handover
from disparo.dispatch.lane import Lane
from disparo.dispatch.rate_parts import full_from
from disparo.dispatch.seats import Seats

log = structlog.get_logger(__name__)

_EVERY_S, _FULL_DAYS_EVERY_S = 1.0, 60.0
#: A second that took so long: this process was stopped, or had no processor. Answers came, and went unread.
_STOOD_STILL_S = 3.0
#: After a change of the settings: until every worker has taken it up.
_KNOWN_TO_ALL_S = 10.0
#: Who had nothing lately to try a stopped platform with leaves that to those who had, for two looks.
_LATELY_S, _LEFT_TO_OTHERS_S = 2.0, 2.0


class PlatformWatch:
    """Reads and writes the shared table of platforms for one worker's lanes."""

    def __init__(self, control: Pool, work: Pool, handover: Handover, holder: Holder) -> None:
        self._control, self._work = control, work
        self._handover = handover
        self._holder = holder
        self._seats = Seats(holder)
        self._now = asyncio.Event()
        self._states: Mapping[str, asyncpg.Record] = {}
        self._met: set[Lane] = set()
        self._full_days_at = 0.0
        self._hours: hours.Look | None = None
        self._hours_at = 0.0
        handover.fleet.on_stop = self._now.set
        handover.fleet.on_launch = self._brief

    async def until_next(self) -> None:
        """Wait for the next look: a second, or until a breaker of this worker changes."""
        began = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(_EVERY_S):
                await self._now.wait()
        self._now.clear()
        if time.monotonic() - began > _STOOD_STILL_S:
            for lane in self._handover.lanes.values():
                lane.breaker.look_anew()

    async def look(self) -> None:
        """Write what this worker saw, read what others saw, and take out messages that wait too long."""
        lanes = self._handover.lanes
        for lane in lanes.values():
            lane.breaker.note_waiting(lane.ages_s)
        # First, and without the table: what waits for a stopped platform may go to another one.
        await self._let_go(lanes)
        async with self._control.acquire() as connection:
            await self._seats.look(connection, lanes)
            await self._tell(connection, lanes)
            await self._learn(connection, lanes)
            await self._look_at_full_days(connection, lanes)
        await self._look_at_hours()
        await self._let_go(lanes)

    async def _tell(self, connection: Connection, lanes: Mapping[str, Lane]) -> None:
        recovered = [name for name, lane in lanes.items() if lane.breaker.recovered]
        tripped = {
            name: lane.breaker.open_reason
            for name, lane in lanes.items()
            if lane.breaker.tripped and not self._seats.may_be_taken(name)
        }
        renewed = {name: lane.breaker.open_reason for name, lane in lanes.items() if lane.breaker.renewed}
        if not recovered and not tripped and not renewed:
            return
        async with connection.transaction():
            await platform_states.close_all(connection, recovered)
            await platform_states.open_all(
                connection, {name: reason for name, reason in tripped.items() if reason}
            )
            await platform_states.renew_all(
                connection, {name: reason for name, reason in renewed.items() if reason}
            )
        for name in recovered:
            lanes[name].breaker.recovered = False
            log.info("platform_recovered", platform=name)
        for name, reason in tripped.items():
            lanes[name].breaker.tripped = False
            log.warning("platform_stopped", platform=name, reason=reason)
        for name, reason in renewed.items():
            lanes[name].breaker.renewed = False
            log.warning("platform_still_stopped", platform=name, reason=reason)

    async def _learn(self, connection: Connection, lanes: Mapping[str, Lane]) -> None:
        self._states = await platform_states.read(connection)
        await self._meet(connection, lanes)
        for name, lane in lanes.items():
            self._brief(lane)
            state = self._states.get(name)
            # A right that waits for its message is enough: another worker may have one to try.
            may_try = not (lane.breaker.paused or lane.breaker.may_probe or lane.is_left_to_others)
            if lane.breaker.open_reason and may_try and state and not self._holder.ending:
                furthest_s = longest_pause_s(lane.breaker.open_reason)
                since_s = 0.0 if self._has_messages else _LEFT_TO_OTHERS_S
                if platform_states.is_probe_due(state, longest_pause_s=furthest_s, since_s=since_s):
                    await self._take_probe(connection, name, lane.breaker.pause_s, furthest_s)
            lane.on_room()

    async def _take_probe(self, connection: Connection, name: str, pause_s: float, furthest_s: float) -> None:
        if await platform_states.take_probe(connection, name, pause_s=pause_s, longest_pause_s=furthest_s):
            lane = self._handover.lanes.get(name)  # by other settings, it may be, than when it was asked for
            if lane is not None:
                lane.breaker.may_probe = True
                lane.on_room()

    async def _meet(self, connection: Connection, lanes: Mapping[str, Lane]) -> None:
        """Have people told of platforms that stand stopped when this worker begins to use them."""
        unmet = [name for name, lane in lanes.items() if lane not in self._met]
        if any(self._states[name]["open_reason"] for name in unmet if name in self._states):
            await platform_states.tell_of_open(connection, unmet)
        self._met = set(lanes.values())

    async def _look_at_full_days(self, connection: Connection, lanes: Mapping[str, Lane]) -> None:
        """Use platforms again whose day has room before its time: other workers give back what did not go."""
        if time.monotonic() < self._full_days_at:
            return
        self._full_days_at = time.monotonic() + _FULL_DAYS_EVERY_S
        for name, lane in lanes.items():
            limit = full_from(lane.platform.capabilities) if lane.day_full_until else None
            if limit is not None and not await rates.are_days_full(connection, {name: limit}, within_s=0.0):
                lane.end_full_day()

    async def _look_at_hours(self) -> None:
        """Once after each change of the routes, and after a start: they may have changed meanwhile."""
        routes, zone = self._handover.routes
        if self._hours is None or (self._hours.routes, self._hours.zone) != (routes, zone):
            self._hours, self._hours_at = hours.Look(routes, zone), time.monotonic() + _KNOWN_TO_ALL_S
        if self._hours.is_over or time.monotonic() < self._hours_at:
            return
        self._hours_at = time.monotonic() + _KNOWN_TO_ALL_S  # where the database is away
        count = await self._hours.go_on(self._work)
        self._hours_at = time.monotonic()
        if count:
            log.info("waits_for_hours_ended", chunks=count)

    @property
    def _has_messages(self) -> bool:
        return self._handover.has_waiting or self._handover.has_worked(within_s=_LATELY_S)

    def _brief(self, lane: Lane) -> None:
        """Give a lane the state of its platform that was last read: new settings do not end a pause."""
        state = self._states.get(lane.platform.name)
        paused = bool(state and state["paused_by"])
        if paused is not lane.breaker.paused:
            log.info("platform_paused" if paused else "platform_resumed", platform=lane.platform.name)
        lane.breaker.take(open_reason=state["open_reason"] if state else None, paused=paused)

    async def _let_go(self, lanes: Mapping[str, Lane]) -> None:
        for name, lane in lanes.items():
            stopped = lane.is_stopped
            if items := lane.take_waiting() if stopped else lane.take_stale():
                await let_go(self._work, items, "platform_stopped" if stopped else "platform_busy")
                log.info("messages_let_go", platform=name, messages=len(items), stopped=stopped)
