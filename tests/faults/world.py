"""Everything a fault can be done to, and what was done."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from tests.faults.proxy import Proxy
from tests.support.stage import Role, Stage

from disparo.db.embedded import EmbeddedPostgres


@dataclass
class Score:
    """What was done. `cuts`: of the platform's or the database's connections, silences and slow spells included."""

    done: Counter[str] = field(default_factory=Counter)
    kills_while_sending: int = 0
    failpoints: dict[str, int] = field(default_factory=dict)
    takeovers_s: list[float] = field(default_factory=list)
    takeovers_without_database_s: list[float] = field(default_factory=list)  # it was away in between
    skipped: list[str] = field(default_factory=list)

    @property
    def uncertain_sources(self) -> int:
        """How many times a window of messages may have become uncertain."""
        done = self.done
        return sum(done[name] for name in ("kill", "pause", "platform_restart", *_CUTS))

    @property
    def cuts(self) -> int:
        return sum(self.done[name] for name in _CUTS)


_CUTS = ("cut_platform", "slow_platform", "silent_platform", "cut_database", "silent_database")


@dataclass
class World:
    stage: Stage
    seed: int
    postgres: EmbeddedPostgres | None = None
    platform: Proxy | None = None
    database: Proxy | None = None
    small_disk: Path | None = None
    score: Score = field(default_factory=Score)
    guard: int = 0  # the worker that is left alone now
    waits: set[asyncio.Task[None]] = field(default_factory=set)
    in_hand: set[str] = field(default_factory=set)  # roles whose process a fault is handling now
    fell_alone: int = 0
    database_changes: int = 0  # how often it went or came back

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """Note that no process can ask the database meanwhile."""
        self.database_changes += 1
        try:
            yield
        finally:
            self.database_changes += 1

    def later(self, job: asyncio.Task[None]) -> None:
        self.waits.add(job)
        job.add_done_callback(self.waits.discard)

    async def keep(self) -> None:
        """Do what a service manager does: start again what ended without being told to."""
        while True:
            for role in self.stage.roles.values():
                if role.name not in self.in_hand and not role.lives:
                    self.fell_alone += 1
                    role.start()
            await asyncio.sleep(0.5)

    async def settled(self) -> None:
        """Wait until every pause is over and every take-over timed."""
        while self.waits:
            await asyncio.gather(*self.waits, return_exceptions=True)

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Ask the database, however often it is away meanwhile."""
        while True:
            try:
                connection = await asyncpg.connect(self.stage.dsn, timeout=5)
                try:
                    return await connection.fetch(query, *arguments, timeout=20)
                finally:
                    await connection.close(timeout=5)
            except asyncpg.SyntaxOrAccessError:
                raise  # a question that is wrong stays so
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
                TimeoutError,
            ):
                await asyncio.sleep(0.1)

    async def note_death(self, role: Role) -> None:
        """Count what a killed worker held and time its take-over."""
        died_at = time.monotonic()
        held = await self.fetch(
            """SELECT w.id, count(*) FILTER (WHERE m.status = 'sending') AS sending, count(m.id) AS held
               FROM workers w LEFT JOIN messages m
                 ON m.worker_id = w.id AND m.status IN ('claimed', 'sending')
                    AND m.chunk_id = ANY(ARRAY(SELECT chunk_id FROM claims))
               WHERE w.pid = $1 GROUP BY w.id""",
            role.pid,
        )
        for row in held:
            self.score.kills_while_sending += row["sending"] > 0
            if row["held"]:
                self.later(asyncio.create_task(self._time_takeover(row["id"], died_at)))

    async def _time_takeover(self, worker_id: object, since: float) -> None:
        before = self.database_changes
        while await self.fetch("SELECT FROM workers WHERE id = $1", worker_id):
            await asyncio.sleep(0.1)
        took = time.monotonic() - since
        # A take-over while nobody could ask the database measures the database.
        if before == self.database_changes:
            self.score.takeovers_s.append(took)
        else:
            self.score.takeovers_without_database_s.append(took)


def stopped(pid: int) -> bool:
    """Tell whether a process lies in SIGSTOP."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False
