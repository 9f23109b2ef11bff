"""A worker's lanes and their tasks, exchanged while it works when the settings change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial

from disparo.db.pool import Pool
from disparo.dispatch.anteroom import Anteroom
from disparo.dispatch.claims import Holder
from disparo.dispatch.lane import Lane
from disparo.dispatch.recorder import Recorder
from disparo.platforms.base import Platform


@dataclass(slots=True)
class _Ship:
    lane: Lane
    tasks: list[asyncio.Task[None]]


class Fleet:
    """All lanes of one worker; one whose platform is replaced finishes what it started."""

    def __init__(self, pool: Pool, recorder: Recorder, holder: Holder, anteroom: Anteroom) -> None:
        self._pool = pool
        self._anteroom = anteroom
        self._recorder = recorder
        self._holder = holder
        self._ships: dict[str, _Ship] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._closed: set[Lane] = set()  # lanes that were replaced, until they are drained
        #: Called with each new lane, before it can be given anything.
        self.on_launch: Callable[[Lane], None] = lambda _lane: None
        #: Called when a lane stops or recovers.
        self.on_stop: Callable[[], None] = lambda: None
        #: Called with each task of a lane that ends, by itself or not.
        self.on_task_end: Callable[[asyncio.Task[None]], None] = lambda _task: None

    @property
    def lanes(self) -> dict[str, Lane]:
        """Give the lanes in use, by platform name."""
        return {name: ship.lane for name, ship in self._ships.items()}

    @property
    def platforms(self) -> dict[str, Platform]:
        """Give the platforms in use, by name."""
        return {name: ship.lane.platform for name, ship in self._ships.items()}

    def uses(self, platform: Platform) -> bool:
        """Tell whether a platform is in use, this very one: another by its name may have taken its place."""
        ship = self._ships.get(platform.name)
        return ship is not None and ship.lane.platform is platform

    @property
    def left_to_others(self) -> set[str]:
        """Give the names of the platforms to which other workers have all the connections."""
        return {name for name, lane in self.lanes.items() if lane.is_left_to_others}

    @property
    def longest_answer_s(self) -> float:
        """How long what is started now may wait for its platform's answer, at most, in replaced lanes too."""
        return max((lane.longest_answer_s for lane in self._not_drained), default=0.0)

    @property
    def parts_to_come(self) -> int:
        """Give how many parts of begun messages are still to come, in replaced lanes too."""
        return sum(lane.parts_to_come for lane in self._not_drained)

    @property
    def _not_drained(self) -> list[Lane]:
        return [*self.lanes.values(), *self._closed]

    def use(self, platforms: Mapping[str, Platform]) -> None:
        """Have one lane for each of these platforms; a platform object that is in use keeps its lane.

        The right to try a stopped platform goes to the lane that takes the place of the one that has it.
        """
        may_probe = set()
        for name, ship in list(self._ships.items()):
            if platforms.get(name) is not ship.lane.platform:
                if ship.lane.breaker.may_probe:
                    may_probe.add(name)
                del self._ships[name]
                ship.lane.close()
                self._closed.add(ship.lane)
                self._leaving[name] = asyncio.create_task(self._retire(ship, self._leaving.get(name)))
        for name, platform in platforms.items():
            if name not in self._ships:
                self._ships[name] = self._launch(name, platform)
                self._ships[name].lane.breaker.may_probe = name in may_probe

    def close(self) -> None:
        """Start nothing more, in any lane."""
        for lane in self.lanes.values():
            lane.close()

    async def drained(self) -> None:
        """Wait until every outcome of a started message is recorded, in replaced lanes too."""
        await asyncio.gather(*(lane.drained() for lane in self.lanes.values()))
        if self._leaving:
            await asyncio.wait(self._leaving.values())  # who waits no longer ends none of them

    async def end(self) -> None:
        """Cancel every task; hand-overs under way stay with their platforms."""
        tasks = [task for ship in self._ships.values() for task in ship.tasks] + list(self._leaving.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _launch(self, name: str, platform: Platform) -> _Ship:
        lane = Lane(platform, self._pool, self._recorder)
        lane.on_stop = self._tell
        self.on_launch(lane)
        # The window's places are leased under one name, and an account may allow one bind: the next lane
        # begins when the last one is done.
        before = self._leaving.get(name)
        tasks = [
            asyncio.create_task(
                self._after(before, partial(self._listen_and_run, lane)), name=f"lane:{name}"
            ),
            asyncio.create_task(self._after(before, lane.keep_share), name=f"share:{name}"),
        ]
        for task in tasks:
            task.add_done_callback(self._task_ended)
        return _Ship(lane, tasks)

    # Not given to a lane as they are: whoever listens may come after it.

    def _tell(self) -> None:
        self.on_stop()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self.on_task_end(task)

    async def _after(
        self, before: asyncio.Task[None] | None, run: Callable[[Holder], Coroutine[None, None, None]]
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        await run(self._holder)

    async def _listen_and_run(self, lane: Lane, holder: Holder) -> None:
        lane.platform.listen(self._anteroom.door(lane.platform.name))
        await lane.run(holder)

    async def _retire(self, ship: _Ship, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        await ship.lane.drained()
        self._closed.discard(ship.lane)
        for task in ship.tasks:
            task.cancel()
        await asyncio.gather(*ship.tasks, return_exceptions=True)
        await ship.lane.platform.close()
