"""The saboteur: faults at moments fixed by the seed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping

import aiohttp
from tests.faults.proxy import Proxy
from tests.faults.world import World, stopped
from tests.support.stage import Role

#: Longer than the 6 s after which a silent worker is taken over.
PAUSE_S = 9.0
_TURN = 20
_FILLED_S = 4.0


class Saboteur:
    def __init__(self, world: World) -> None:
        self._world = world
        self._faults = {
            "kill": self._kill_worker,
            "pause": self._pause_worker,
            "kill_server": self._kill_server,
            "kill_postgres": self._kill_postgres,
            "platform_restart": self._restart_platform,
            "cut_platform": self._cut_platform,
            "slow_platform": self._slow_platform,
            "silent_platform": self._silent_platform,
            "cut_database": self._cut_database,
            "silent_database": self._silent_database,
            "fill_disk": self._fill_disk,
        }

    async def spread(self, counts: Mapping[str, int], *, between_s: float) -> None:
        """Do so many of each, in an order fixed by the seed.

        "Taken over with a second worker alive" needs one: the guard is left alone, and another takes its
        turn after every 20 faults, once all take-overs are over.
        """
        world = self._world
        plan = [name for name, count in counts.items() for _ in range(count)]
        world.random.shuffle(plan)
        for number, name in enumerate(plan):
            if number % _TURN == _TURN - 1:
                await world.settled()
                world.guard = (world.guard + 1) % len(world.stage.workers)
            await asyncio.sleep(between_s * world.random.uniform(0.5, 1.5))
            world.score.done[name] += 1
            await self._faults[name]()

    async def _victim(self) -> Role:
        world = self._world
        while True:
            others = [role for number, role in enumerate(world.stage.workers) if number != world.guard]
            able = [role for role in others if role.lives and not stopped(role.pid)]
            if able:
                return world.random.choice(able)
            await asyncio.sleep(0.2)

    async def _kill_worker(self) -> None:
        role = await self._victim()
        self._world.in_hand.add(role.name)
        role.kill()
        await self._world.note_death(role)
        role.start()
        self._world.in_hand.discard(role.name)

    async def _pause_worker(self) -> None:
        role = await self._victim()
        role.signal(signal.SIGSTOP)
        self._world.later(asyncio.create_task(_after(PAUSE_S, lambda: role.signal(signal.SIGCONT))))

    async def _kill_server(self) -> None:
        role = self._world.random.choice(self._world.stage.servers)
        role.kill()
        role.start()

    async def _kill_postgres(self) -> None:
        assert self._world.postgres is not None
        await restart_postgres(self._world)

    async def _restart_platform(self) -> None:
        stage = self._world.stage
        role = stage.roles["simulator"]
        self._world.in_hand.add(role.name)
        role.kill()
        await asyncio.sleep(self._world.random.uniform(0, 1.5))
        role.start()
        self._world.in_hand.discard(role.name)
        self._world.later(asyncio.create_task(_behave_again(self._world)))

    async def _cut_platform(self) -> None:
        assert self._world.platform is not None
        self._world.platform.cut()

    async def _slow_platform(self) -> None:
        assert self._world.platform is not None
        self._world.platform.slow_s = 0.3
        self._world.later(asyncio.create_task(_after(4, lambda: _set(self._world.platform, "slow_s", 0.0))))

    async def _silent_platform(self) -> None:
        assert self._world.platform is not None
        self._world.platform.silent = True
        self._world.later(asyncio.create_task(_after(4, lambda: _set(self._world.platform, "silent", False))))

    async def _cut_database(self) -> None:
        assert self._world.database is not None
        self._world.database.cut()

    async def _silent_database(self) -> None:
        assert self._world.database is not None
        self._world.later(asyncio.create_task(self._silence(self._world.database)))

    async def _silence(self, database: Proxy) -> None:
        with self._world.without_database():
            database.silent = True
            await asyncio.sleep(4)
            database.silent = False

    async def _fill_disk(self) -> None:
        folder = self._world.small_disk
        assert folder is not None
        filler = folder / "filler"
        with self._world.without_database():
            await asyncio.to_thread(_fill, str(filler))
            await asyncio.sleep(_FILLED_S)
            filler.unlink()


async def restart_postgres(world: World) -> None:
    """kill -9 the database and wait until its supervisor has it back."""
    assert world.postgres is not None
    before = world.postgres.pid
    assert before is not None
    with world.without_database():
        os.kill(before, signal.SIGKILL)
        while world.postgres.pid == before:
            await asyncio.sleep(0.05)
        await world.fetch("SELECT 1")


def _fill(path: str) -> None:
    block = b"\0" * 1_048_576
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(block)
        except OSError:
            return


def _set(thing: object, name: str, value: object) -> None:
    setattr(thing, name, value)


async def _after(seconds: float, job) -> None:
    await asyncio.sleep(seconds)
    job()


async def _behave_again(world: World) -> None:
    """Tell a restarted platform its latency, as soon as it answers."""
    for _ in range(200):
        try:
            await world.stage.behave({"latency_ms": world.stage.latency_ms})
        except (aiohttp.ClientError, OSError):
            await asyncio.sleep(0.05)
        else:
            return
