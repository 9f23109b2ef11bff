"""One worker process: its lanes and recorder, its beat, its watch over the others."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import structlog

from disparo import queue
from disparo.db.pool import GIVEN_UP_S, SOON_S, TRANSIENT, Pool, open_pool
from disparo.dispatch import figures, polling, reconcile, sweep, takeover
from disparo.dispatch.alarms import Alarms, Tell, tell_all
from disparo.dispatch.anteroom import Anteroom
from disparo.dispatch.bulk_work import BulkWork
from disparo.dispatch.claims import Holder
from disparo.dispatch.fleet import Fleet
from disparo.dispatch.freshness import Freshness
from disparo.dispatch.give_back import give_back, leave
from disparo.dispatch.handover import Handover
from disparo.dispatch.intake import ENOUGH_HEARD, Intake
from disparo.dispatch.own_health import OwnHealth
from disparo.dispatch.presence import Presence
from disparo.dispatch.prune import Retention, prune_some
from disparo.dispatch.recorder import Recorder
from disparo.dispatch.rounds import Part, go_round
from disparo.dispatch.rules import Rules
from disparo.dispatch.warm_up import warm_up
from disparo.dispatch.watch import PlatformWatch
from disparo.domain.routing import Route
from disparo.errors import RESTART_ME
from disparo.platforms.base import Platform
from disparo.queue.hands import Hands

log = structlog.get_logger(__name__)

_BEAT_EVERY_S = 1.0
_SWEEP_EVERY_S = 5.0
_VACUUM_EVERY_S = 2.0
_TIDY_EVERY_S = 60.0
_DAY_EVERY_S = 10.0
_POLL_EVERY_S = 30.0
_ALARM_EVERY_S = 3.0
_CHUNKS_AT_ONCE = 8
#: An orderly end waits for the slowest platform's answer, and so much longer for its recording.
_RECORDED_WITHIN_S, _LEFT_WITHIN_S = 5.0, 10.0
#: A database that answers at all tells so sooner; what one that does not is asked for comes to nothing.
_ANSWERS_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the installation says of its workers."""

    memory_mb: int
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """Through which platforms a worker hands over, and by which rules; may be exchanged while it works."""

    platforms: Mapping[str, Platform]
    routes: Sequence[Route]
    rules: Rules
    tell: Tell | None = None  # how people are told of faults


@dataclass(frozen=True, slots=True)
class Chore:
    """Something else that workers do now and then; of several workers any one may do it."""

    name: str
    every_s: float
    run: Part


class Worker:
    """Runs until `stop` is set, or its memory passes the limit; then finishes what it holds."""

    def __init__(
        self,
        dsn: str,
        *,
        plan: WorkerPlan,
        settings: WorkerSettings,
        chores: Callable[[Pool], Sequence[Chore]] = lambda _pool: (),
        freshness: Callable[[Pool], Freshness | None] = lambda _pool: None,
    ) -> None:
        self._dsn = dsn
        self._chores = chores
        self._freshness = freshness
        self._plan = plan
        self._settings = settings
        self._holder = Holder(uuid4())
        self._hands = Hands(_CHUNKS_AT_ONCE)
        self._handover: Handover | None = None
        self._starts_anew = False
        self._pools: list[Pool] = []

    def use(self, plan: WorkerPlan) -> None:
        """Hand over by another plan from now on; what is started is finished by the old one."""
        self._plan = plan
        if self._handover is not None and not self._holder.ending:
            self._handover.use(plan.platforms, plan.routes, plan.rules)

    async def _pool(self, stack: AsyncExitStack, name: str, size: int, wait_s: float = GIVEN_UP_S) -> Pool:
        opening = open_pool(self._dsn, size=size, name=f"disparo-{name}", whole=True, patience_s=wait_s)
        pool = await stack.enter_async_context(opening)
        self._pools.append(pool)
        return pool

    async def run(self, stop: asyncio.Event) -> int:
        """Work until `stop`; gives the process's exit status."""
        async with AsyncExitStack() as stack:
            work = await self._pool(stack, "worker", 5)
            # The beat must not queue behind work, nor an outcome behind claims.
            control = await self._pool(stack, "beat", 2)
            record = await self._pool(stack, "record", 2, SOON_S)
            presence = Presence(control, self._holder, self._dsn)
            await presence.register()
            recorder = Recorder(record)
            receipts = await self._pool(stack, "receipts", 2, SOON_S)
            intake = Intake(receipts, enough=ENOUGH_HEARD)
            anteroom = Anteroom(intake.hear, unwritten=recorder.unwritten)
            ending = asyncio.Event()
            fallen = partial(self._end_if_fallen, ending)
            fleet = Fleet(work, recorder, self._holder, anteroom)
            fleet.on_task_end = fallen
            handover = Handover(work, fleet=fleet, holder=self._holder, freshness=self._freshness(work))
            self._handover = handover
            self.use(self._plan)
            helpers = [
                asyncio.create_task(job, name=name)
                for name, job in self._jobs(presence, control, work, handover, ending)
            ]
            bulk = BulkWork(
                await self._pool(stack, "bulk", 4),
                lambda chunk_id: handover.handle_chunk(chunk_id, urgent=False),
                self._holder,
                lambda: self._plan.rules,
                is_for_others=handover.is_for_others,
            )
            helpers += [asyncio.create_task(job, name=name) for name, job in bulk.jobs()]
            helpers += [
                asyncio.create_task(recorder.run(), name="recorder"),
                asyncio.create_task(intake.run(), name="intake"),
                asyncio.create_task(_forward(stop, ending), name="stop"),
                asyncio.create_task(self._close(ending, fleet), name="close"),
                asyncio.create_task(warm_up(), name="settle"),
            ]
            for task in helpers:
                task.add_done_callback(fallen)
            engine_pool = await self._pool(stack, "queue", 4, SOON_S)
            await queue.run(engine_pool, handover.handle_entry, hands=self._hands, stop=ending)
            if not await self._finish(control, fleet):
                for pool in self._pools:  # nothing is waited for on any connection
                    pool.terminate()
            await _end(fleet, helpers)
        return RESTART_ME if self._starts_anew else 0

    def _jobs(
        self, presence: Presence, control: Pool, work: Pool, handover: Handover, ending: asyncio.Event
    ) -> list[tuple[str, Coroutine[None, None, None]]]:
        fleet = handover.fleet
        alarms = Alarms(work, zone=self._plan.rules.zone, sources=handover.sources)
        platforms = PlatformWatch(control, work, handover, self._holder)
        rounds: list[tuple[str, float, dict[str, Part]]] = [
            ("beat", _BEAT_EVERY_S, {"beat": lambda: presence.beat(fleet.lanes.values())}),
            ("reaper", takeover.LOOK_EVERY_S, {"reaper": presence.look_at_others}),
            ("sweep", _SWEEP_EVERY_S, self._sweep(work, handover, ending)),
            ("vacuum", _VACUUM_EVERY_S, {"vacuum": lambda: sweep.vacuum_queue(work)}),
            ("tidy", _TIDY_EVERY_S, _tidy(work, fleet)),
            ("day", _DAY_EVERY_S, {"day": lambda: sweep.fold_day(work)}),
            ("alarms", _ALARM_EVERY_S, self._alarm(alarms, work, fleet)),
            *((f"chore:{each.name}", each.every_s, {each.name: each.run}) for each in self._chores(work)),
            (
                "poll",
                _POLL_EVERY_S,
                {"poll": lambda: polling.poll_receipts(work, fleet.platforms, is_used=fleet.uses)},
            ),
            ("figures", figures.FOLD_EVERY_S, {"figures": lambda: figures.fold(control)}),
            ("prune", _TIDY_EVERY_S, {"prune": lambda: prune_some(work, self._settings.retention)}),
        ]
        return [
            ("platforms", _forever(platforms.until_next, {"platforms": platforms.look})),
            *((name, _forever(partial(asyncio.sleep, every_s), parts)) for name, every_s, parts in rounds),
        ]

    def _sweep(self, work: Pool, handover: Handover, ending: asyncio.Event) -> dict[str, Part]:
        own = OwnHealth(self._hands, memory_mb=self._settings.memory_mb, has_worked=handover.has_worked)

        async def look_at_itself() -> None:
            if not ending.is_set() and (own.is_too_large() or await own.is_idle_beside_work(work)):
                self._starts_anew = True
                ending.set()

        return {
            "sweep": lambda: sweep.wake_forgotten_chunks(work),
            "give_back": lambda: give_back(work, self._holder),
            "own_health": look_at_itself,
        }

    def _alarm(self, alarms: Alarms, work: Pool, fleet: Fleet) -> dict[str, Part]:
        async def tell() -> None:
            if self._plan.tell is not None:
                await tell_all(work, self._plan.tell)

        async def look() -> None:
            await alarms.look(fleet.platforms, left=fleet.left_to_others, is_used=fleet.uses)

        return {"alarms": look, "tell": tell}

    def _end_if_fallen(self, ending: asyncio.Event, task: asyncio.Task[None]) -> None:
        """A worker that beats while a part of it is gone would hold what it has for ever: it starts anew."""
        if not task.cancelled() and (error := task.exception()) is not None and not ending.is_set():
            log.error("worker_restarts_for_fault", task=task.get_name(), exc_info=error)
            self._starts_anew = True
            ending.set()

    async def _close(self, ending: asyncio.Event, fleet: Fleet) -> None:
        await ending.wait()
        self._holder.ending = True
        fleet.close()

    async def _finish(self, control: Pool, fleet: Fleet) -> bool:
        """Let what is written be recorded, give back the rest, leave; tell whether the database answers."""
        parts, before = fleet.parts_to_come, math.inf
        while parts < before:  # each has its answer to wait for, and slots that others take too
            with suppress(TimeoutError):
                async with asyncio.timeout(fleet.longest_answer_s + _RECORDED_WITHIN_S):
                    await fleet.drained()
            parts, before = fleet.parts_to_come, parts
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                await control.fetchval("SELECT 1")
        except TRANSIENT:
            return False
        with suppress(*TRANSIENT):  # what is not given back in time, is taken over
            async with asyncio.timeout(_LEFT_WITHIN_S):
                await leave(control, self._holder)
                await figures.fold(control)
        return True


async def _end(fleet: Fleet, helpers: Sequence[asyncio.Task[None]]) -> None:
    await fleet.end()
    for task in helpers:
        task.cancel()
    await asyncio.gather(*helpers, return_exceptions=True)
    for platform in fleet.platforms.values():
        await platform.close()


async def _forward(source: asyncio.Event, target: asyncio.Event) -> None:
    await source.wait()
    target.set()


async def _forever(pause: Callable[[], Awaitable[object]], parts: Mapping[str, Part]) -> None:
    while True:
        await go_round(parts)
        await pause()


def _tidy(work: Pool, fleet: Fleet) -> dict[str, Part]:
    return {
        "ask_platforms": lambda: reconcile.ask_platforms(work, fleet.platforms),
        "waiting_receipts": lambda: sweep.match_receipts(work),
        "emptied_chunks": lambda: sweep.end_emptied(work),
        "days_to_come": lambda: sweep.bring_back_days(work),
        "waits_to_come": lambda: sweep.bring_back_waiting(work),
        "counts": lambda: sweep.fold_counts(work),
    }
