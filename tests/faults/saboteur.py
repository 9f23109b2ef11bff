"""The saboteur: kills and pauses workers at moments fixed by the seed, and sees what it hit."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from dataclasses import dataclass, field

import asyncpg
from tests.support.stage import Role, Stage

#: Longer than the 6 s after which a silent worker is taken over.
PAUSE_S = 9.0
_GUARD_S_TURN = 20
WORKER_FAILPOINTS = ("before_start", "after_start", "after_write", "after_reply", "after_record")


@dataclass
class Score:
    kills: int = 0
    kills_while_sending: int = 0
    pauses: int = 0
    failpoints: dict[str, int] = field(default_factory=dict)
    takeovers_s: list[float] = field(default_factory=list)


@dataclass
class Saboteur:
    stage: Stage
    connection: asyncpg.Connection
    seed: int
    score: Score = field(default_factory=Score)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._guard = 0
        self._waits: set[asyncio.Task[None]] = set()

    async def random_faults(self, *, kills: int, pauses: int, between_s: float) -> None:
        """Spread the faults over time.

        "Taken over with a second worker alive" needs one: it is left alone, and another takes its turn
        after every 20 faults, once all take-overs are over.
        """
        plan = ["kill"] * kills + ["pause"] * pauses
        self._rng.shuffle(plan)
        for number, fault in enumerate(plan):
            if number % _GUARD_S_TURN == _GUARD_S_TURN - 1:
                await self.settled()
                self._guard = (self._guard + 1) % len(self.stage.workers)
            await asyncio.sleep(between_s * self._rng.uniform(0.5, 1.5))
            role = await self._victim()
            await (self.kill(role) if fault == "kill" else self.pause(role))

    async def each_failpoint(self, action: str) -> None:
        """Start a worker armed at each failpoint in turn and wait until it has fallen into it."""
        for name in WORKER_FAILPOINTS:
            role = self.stage.workers[-1]
            role.stop()
            role.start(DISPARO_FAILPOINTS=f"{name}:{action}:{self._rng.randrange(2, 9)}")
            if await self._fell(role, action):
                self.score.failpoints[f"{name}:{action}"] = (
                    self.score.failpoints.get(f"{name}:{action}", 0) + 1
                )

    async def _fell(self, role: Role, action: str) -> bool:
        for _ in range(400):
            await asyncio.sleep(0.05)
            if action == "kill" and not role.lives:
                await self._after_death(role)
                role.start()
                self.score.kills += 1
                return True
            if action == "stop" and _stopped(role.pid):
                await asyncio.sleep(PAUSE_S)
                role.signal(signal.SIGCONT)
                self.score.pauses += 1
                return True
        return False

    async def kill(self, role: Role) -> None:
        role.signal(signal.SIGKILL)
        await self._after_death(role)
        role.start()
        self.score.kills += 1

    async def _after_death(self, role: Role) -> None:
        role.reap()
        held = await self.connection.fetch(
            """SELECT w.id, count(*) FILTER (WHERE m.status = 'sending') AS sending, count(m.id) AS held
               FROM workers w LEFT JOIN messages m ON m.worker_id = w.id AND m.status IN ('claimed', 'sending')
               WHERE w.pid = $1 GROUP BY w.id""",
            role.pid,
        )
        for row in held:
            self.score.kills_while_sending += row["sending"] > 0
            if row["held"]:
                self._waits.add(task := asyncio.create_task(self._time_takeover(row["id"], time.monotonic())))
                task.add_done_callback(self._waits.discard)

    async def _time_takeover(self, worker_id: object, since: float) -> None:
        while await self._fetchval("SELECT true FROM workers WHERE id = $1", worker_id):
            await asyncio.sleep(0.1)
        self.score.takeovers_s.append(time.monotonic() - since)

    async def _fetchval(self, query: str, *arguments: object) -> object:
        connection = await asyncpg.connect(self.stage.dsn)
        try:
            return await connection.fetchval(query, *arguments)
        finally:
            await connection.close()

    async def pause(self, role: Role) -> None:
        role.signal(signal.SIGSTOP)
        self.score.pauses += 1
        self._waits.add(task := asyncio.create_task(self._wake(role)))
        task.add_done_callback(self._waits.discard)

    async def _wake(self, role: Role) -> None:
        await asyncio.sleep(PAUSE_S)
        role.signal(signal.SIGCONT)

    async def _victim(self) -> Role:
        while True:
            others = [role for number, role in enumerate(self.stage.workers) if number != self._guard]
            able = [role for role in others if role.lives and not _stopped(role.pid)]
            if able:
                return self._rng.choice(able)
            await asyncio.sleep(0.2)

    async def settled(self) -> None:
        """Wait until every pause is over and every take-over timed."""
        while self._waits:
            await asyncio.gather(*self._waits)


def _stopped(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False
