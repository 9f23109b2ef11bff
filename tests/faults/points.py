"""Every failpoint under every fault: kill -9, SIGSTOP past the lease, a database restart meanwhile."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence

from tests.faults.saboteur import PAUSE_S, restart_postgres
from tests.faults.world import World, stopped
from tests.support.stage import Role

IN_WORKERS = ("before_start", "after_start", "after_write", "after_reply", "after_record")
#: Reached only while more waits than fits into a window of a platform without a limit.
WHERE_STARTS_FOLLOW = ("between_record_and_start",)
#: Calls go to both servers, receipts to the first.
IN_SERVERS = {
    "accept_before_commit": 1,
    "accept_after_commit": 1,
    "receipt_before_store": 0,
    "receipt_after_store": 0,
}
ACTIONS = ("kill", "stop", "database")


async def each(world: World) -> None:
    """Arm a process at each failpoint in turn, wait until it has fallen into it, and let it go on."""
    await _under_each_fault(world, IN_WORKERS, IN_SERVERS)


async def where_starts_follow(world: World) -> None:
    """Do the same with what needs a backlog, which there must be."""
    await _under_each_fault(world, WHERE_STARTS_FOLLOW, {})


async def _under_each_fault(world: World, in_workers: Sequence[str], in_servers: Mapping[str, int]) -> None:
    world.guard = 0
    for action in ACTIONS:
        if action == "database" and world.postgres is None:
            world.score.skipped.append("failpoints x database restart: the database is not ours")
            continue
        for name in in_workers:
            await _one(world, world.stage.workers[-1], name, action)
        for name, server in in_servers.items():
            if server < len(world.stage.servers):
                await _one(world, world.stage.servers[server], name, action)


async def _one(world: World, role: Role, name: str, action: str) -> None:
    world.in_hand.add(role.name)
    await asyncio.to_thread(role.stop)
    does = "kill" if action == "kill" else "stop"
    role.start(DISPARO_FAILPOINTS=f"{name}:{does}:{world.random.randrange(2, 9)}")
    fell = await _fell(role, does)
    if not fell:
        world.score.skipped.append(f"{name}:{action} was not reached")
    elif action == "kill":
        world.score.done["kill"] += 1
        role.reap()
        await world.note_death(role)
    else:
        world.score.done["pause"] += 1
        if action == "database":
            world.score.done["kill_postgres"] += 1
            await restart_postgres(world)
        await asyncio.sleep(PAUSE_S if action == "stop" else 1.0)
        role.signal(signal.SIGCONT)
    world.score.failpoints[f"{name}:{action}"] = int(fell)
    await asyncio.to_thread(role.stop)
    role.start()
    world.in_hand.discard(role.name)


async def _fell(role: Role, does: str) -> bool:
    for _ in range(600):
        await asyncio.sleep(0.05)
        if does == "kill" and not role.lives:
            return True
        if does == "stop" and stopped(role.pid):
            return True
    return False
