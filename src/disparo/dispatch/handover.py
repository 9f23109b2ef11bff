"""Works a chunk off: claims its messages, looks at each a last time, gives the good ones to lanes.

The claim is a transaction here; starts are `lane.py`'s, or share that of a record (`recorder.py`). No
connection is in hand while a platform is called.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from disparo import queue
from disparo.db import chunks, messages
from disparo.db.messages import CHUNK_SIZE, Move, Start
from disparo.db.pool import TRANSIENT, Pool
from disparo.dispatch import patience
from disparo.dispatch.breathing import breathing
from disparo.dispatch.choice import Choice, Way
from disparo.dispatch.claims import Batch, Holder, Prepared
from disparo.dispatch.fleet import Fleet
from disparo.dispatch.frequency import one_too_many
from disparo.dispatch.freshness import Checked, Freshness
from disparo.dispatch.give_back import Deferral, put_back
from disparo.dispatch.lane import Lane
from disparo.dispatch.rules import Drop, Rules, Wait, must_wait, objection, waits_with_run
from disparo.domain.ids import new_id
from disparo.domain.message import Event
from disparo.domain.routing import NoRoute, Route, in_first_line
from disparo.platforms.base import Platform, boottime_s

log = structlog.get_logger(__name__)

#: Where nothing can go, nobody knows for how long, so many of a chunk are looked at now and then.
_A_FEW = 20
#: A queue entry that this worker can do nothing with is another's at once; none takes its place here for a
#: while, or all that wait would go round between table and worker as fast as both can.
_PASSED_ON_S, _REST_S = 0.02, 0.25
_SOON_S = 0.1

_Kind = tuple[str, bool]  # a platform's name, and whether the message is of a single call


@dataclass(slots=True)
class _Sorted:
    send: list[tuple[Lane, Mapping[str, Any], Start]] = field(default_factory=list)
    drop: list[Move] = field(default_factory=list)
    wait: list[Deferral] = field(default_factory=list)


class Handover:
    """The queue engine's handler in one worker. `use` comes first, and again when the settings change."""

    def __init__(
        self, pool: Pool, *, fleet: Fleet, holder: Holder, freshness: Freshness | None = None
    ) -> None:
        self.fleet = fleet
        self._freshness = freshness
        self._pool = pool
        self._holder = holder
        # One chunk at a time is looked at: if that kills the process, it is known which one did.
        self._looking = asyncio.Lock()
        self._turn = {True: asyncio.Lock(), False: asyncio.Lock()}
        self._room = asyncio.Event()
        self._settling: set[asyncio.Task[None]] = set()
        self._looks = patience.Looks()
        self._worked_at = -math.inf
        self.lanes: dict[str, Lane] = {}

    @property
    def sources(self) -> Collection[str]:
        """Give the names of the live sources that are asked again before a hand-over."""
        return () if self._freshness is None else self._freshness.sources

    @property
    def routes(self) -> tuple[list[Route], ZoneInfo]:
        """Give by which routes messages go, and the zone of their hours."""
        return self._routes, self._rules.zone

    def use(self, platforms: Mapping[str, Platform], routes: Sequence[Route], rules: Rules) -> None:
        """Hand over through these platforms, by these rules, from now on."""
        self.fleet.use(platforms)
        self.lanes = self.fleet.lanes
        self._routes = list(routes)
        self._rules = rules
        self._choice = Choice(self.lanes, self._routes, rules, is_usable=self._is_usable)
        for name, lane in self.lanes.items():
            lane.on_room = self._room.set
            lane.elsewhere = partial(self._works_besides, name)
        self._looks.forget()
        self._room.set()

    async def handle_entry(self, chunk_id: int, urgent: bool) -> None:  # noqa: FBT001 - the queue's handler
        """Work off the chunk of a queue entry, and end the chunk when none of its messages waits.

        What this worker does not get to, as it ends or for want of a connection, is another's at once; what
        is due soon gets an entry for then. Of what the database leaves in the middle the sweep makes one.
        """
        try:
            await self._handle_entry(chunk_id, urgent=urgent)
        except TRANSIENT as error:
            log.warning("waits_for_database", job="chunk", error=type(error).__name__)

    async def _handle_entry(self, chunk_id: int, *, urgent: bool) -> None:
        await self.handle_chunk(chunk_id, urgent=urgent)
        async with self._pool.acquire() as connection:
            if await chunks.end(connection, chunk_id):
                return
            if not (self._holder.ending or self.is_for_others()):
                if (in_s := await chunks.next_due_in_s(connection, chunk_id)) is not None:
                    await queue.pass_on(connection, queue.WakeUp(chunk_id, max(in_s, _SOON_S)))
                return
            await queue.pass_on(connection, queue.WakeUp(chunk_id, _PASSED_ON_S))
        await asyncio.sleep(_REST_S)

    def has_worked(self, *, within_s: float = math.inf) -> bool:
        """Tell whether there were messages to look at."""
        return self._worked_at > time.monotonic() - within_s

    @property
    def has_waiting(self) -> bool:
        """Tell whether messages are looked at, or wait to be until there is room in a lane."""
        return any(turn.locked() for turn in self._turn.values())

    def is_for_others(self) -> bool:
        """Tell whether new messages go only by platforms that are left to other workers."""
        names = self._in_first_line()
        return bool(names) and all(self.lanes[name].is_left_to_others for name in names)

    async def handle_chunk(self, chunk_id: int, *, urgent: bool) -> None:
        """Give a chunk's messages to lanes, as many as have room; the others are put back to wait."""
        all_dropped = False
        while True:
            # One after the other, so that no two chunks are given the same room.
            async with AsyncExitStack() as turn:
                await turn.enter_async_context(self._turn[urgent])
                patience_s = 0.0 if all_dropped else patience.for_room_s(self.lanes)
                room = await self._wait_for_room(patience_s, urgent=urgent)
                if self._holder.ending or self.is_for_others():
                    return
                limit = min(CHUNK_SIZE, room or (CHUNK_SIZE if all_dropped or self._is_closed() else _A_FEW))
                claimed, kept = await self._work_off(chunk_id, limit, turn)
            if claimed < limit:
                return
            all_dropped = not room and not kept

    async def _work_off(self, chunk_id: int, limit: int, turn: AsyncExitStack) -> tuple[int, int]:
        """Claim up to `limit` messages and hand them to lanes; gives how many were claimed, and kept."""
        token = new_id()
        self._holder.tokens.add(token)
        batch = Batch(left=0)
        try:
            claimed, kept, batch = await self._claim(chunk_id, token, limit, turn)
        finally:
            self._settling.add(task := asyncio.create_task(self._holder.forget(token, batch)))
            task.add_done_callback(self._settling.discard)
        if claimed:
            self._worked_at = time.monotonic()
        return claimed, kept

    async def _wait_for_room(self, patience_s: float, *, urgent: bool) -> int:
        """Wait until a lane has room and give how much; 0 after `patience_s` without any."""
        give_up_at = asyncio.get_running_loop().time() + patience_s
        while not (self._holder.ending or self.is_for_others()):
            room = sum(self.lanes[name].room(urgent=urgent) for name in self._in_first_line())
            if room:
                return room
            self._room.clear()
            try:
                async with asyncio.timeout_at(give_up_at):
                    await self._room.wait()
            except TimeoutError:
                break
        return 0

    def _in_first_line(self) -> list[str]:
        return in_first_line(self._routes, local=datetime.now(self._rules.zone), is_usable=self._is_usable)

    def _works_besides(self, name: str) -> bool:
        """Tell whether another platform could take now what this one did not, area codes aside."""
        local = datetime.now(self._rules.zone)
        return any(
            route.name != name
            and route.weight > 0
            and route.is_open_at(local)
            and self._is_usable(route.name)
            for route in self._routes
        )

    def _is_closed(self) -> bool:
        """Tell whether no platform has hours now: its messages are put off once, until one opens."""
        local = datetime.now(self._rules.zone)
        return not any(route.is_open_at(local) for route in self._routes)

    def _is_usable(self, name: str) -> bool:
        # One that is left to others works, and has no room here.
        return name in self.lanes and self.lanes[name].works

    async def _claim(
        self, chunk_id: int, token: UUID, limit: int, turn: AsyncExitStack
    ) -> tuple[int, int, Batch]:
        async with self._suspect(chunk_id), self._pool.acquire() as connection:
            ids = await messages.claim(
                connection, self._holder.worker_id, token=token, chunk_id=chunk_id, limit=limit
            )
            facts = [dict(row) for row in await messages.claimed_facts(connection, ids)] if ids else []
        # A live source may take its time: no chunk is suspect meanwhile, and others have their turn.
        asks, must = self._freshness, partial(must_wait, rules=self._rules)
        checked = Checked(facts, {}) if asks is None else await asks.check(facts, must, turn.aclose)
        looked_at = boottime_s()
        async with self._suspect(chunk_id):
            dropped, batch = await self._look(checked, token, looked_at)
        return len(ids), len(ids) - dropped, batch

    @asynccontextmanager
    async def _suspect(self, chunk_id: int) -> AsyncIterator[None]:
        async with self._looking:
            self._holder.preparing = chunk_id
            try:
                yield
            finally:
                self._holder.preparing = None

    async def _look(self, checked: Checked, token: UUID, looked_at: float) -> tuple[int, Batch]:
        room = {
            (name, urgent): lane.room(urgent=urgent)
            for name, lane in self.lanes.items()
            for urgent in (True, False)
        }
        found = _Sorted()
        async for row in breathing(checked.rows):
            if self._holder.ending:
                break  # its lanes are closed: what is claimed goes back as it was
            waits = checked.waits.get(row["id"])
            if waits is not None:
                found.wait.append(Deferral(row["id"], waits.until, waits.reason))
            else:
                self._sort(row, token, found, room)
        await self._leave_out(found)
        await self._put_aside(found, token)
        batch = Batch(left=len(found.send))
        for lane, row, start in found.send:
            facts = (row["reference"], row["e164"], row["not_taken"], row["urgent"])
            lane.add([Prepared(start, *facts, batch, looked_at)])
        return len(found.drop), batch

    def _sort(self, row: Mapping[str, Any], token: UUID, found: _Sorted, room: dict[_Kind, int]) -> None:
        urgent: bool = row["urgent"]
        verdict: Wait | Drop | Way | NoRoute | None = objection(row, self._rules)
        if verdict is None:
            # A platform may be new since the look began.
            verdict = self._choice.make(row, lambda name: room.get((name, urgent), 0) > 0)
        if isinstance(verdict, Way):
            lane, text = verdict
            if not lane.breaker.is_open:
                self._looks.took(lane.platform.name)
            room[lane.platform.name, urgent] -= 1
            found.send.append((lane, row, Start(row["id"], token, text.text, text.segments)))
            return
        if isinstance(verdict, Drop):
            found.drop.append(Move(row["id"], verdict.event, verdict.reason))
            return
        if isinstance(verdict, NoRoute):
            wait_s = self._looks.next_in_s(self.lanes, verdict, urgent=urgent)
            verdict = Wait(verdict.until or row["now"] + timedelta(seconds=wait_s), verdict.reason)
        run = row["dispatch_id"] if waits_with_run(row, verdict) else None
        found.wait.append(Deferral(row["id"], verdict.until, verdict.reason, run))

    async def _leave_out(self, found: _Sorted) -> None:
        """Drop what would be one too many for its phone."""
        too_many = await one_too_many(self._pool, [row for _, row, _ in found.send], self._rules)
        if too_many:
            found.drop += [Move(id_, Event.SKIP, "too_often") for id_ in sorted(too_many)]
            found.send = [one for one in found.send if one[1]["id"] not in too_many]

    async def _put_aside(self, found: _Sorted, token: UUID) -> None:
        if not found.drop and not found.wait:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            ids = [move.message_id for move in found.drop] + [wait.message_id for wait in found.wait]
            if len(ids) > 1:  # by several statements, beside whoever takes back all that is claimed of a run
                await messages.lock(connection, ids)
            if found.drop:
                await messages.apply_events(connection, found.drop, actor="worker")
            if found.wait:
                await put_back(connection, found.wait, token)
