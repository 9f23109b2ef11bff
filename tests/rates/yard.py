"""Where limits are tried: four workers, a simulator, and messages written straight into the tables."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from tests.support import clocks, rows
from tests.support.arrivals import Log
from tests.support.stage import Role, Stage

from disparo import queue
from disparo.db import numbers

WORKERS = 4
_CHUNK = 500
_PATIENCE_S = 120.0
_TABLES = """dispatches, messages, attempts, message_events, pgqueuer, workers, platform_states, platform_rates,
             platform_day_use, platform_lanes"""


class Yard:
    """Two of the workers have clocks an hour off, one each way, where that can be had."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.stage = Stage(dsn, folder, workers_count=0, latency_ms=0)
        self.log = Log(self.stage.simulator_log)
        self.workers: list[Role] = []
        self._firsts = count(1, _CHUNK)

    async def __aenter__(self) -> Yard:
        await self.stage.__aenter__()
        self.connection = await asyncpg.connect(self.stage.dsn)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
        await self.connection.close()
        await self.stage.__aexit__()

    async def open(self, platforms: Mapping[str, Mapping[str, Any]]) -> None:
        """Forget all that was; have workers, not started yet, for the simulator under these names and limits."""
        await self.close()
        await self.connection.execute(f"TRUNCATE {_TABLES} CASCADE")
        await self.stage.behave({"latency_ms": 0})
        tables = {
            name: {"type": "simulator", "url": self.stage.simulator_url, **limits}
            for name, limits in platforms.items()
        }
        environment = {**self.stage.environment(), "DISPARO_PLATFORMS": json.dumps(tables)}
        off = {1: clocks.off(3600), 2: clocks.off(-3600)} if clocks.CAN_BE_WRONG else {}
        self.workers = [
            Role(
                f"worker{number}",
                ["disparo", "worker"],
                {**environment, **off.get(number, {})},
                self.stage.folder / f"worker{number}.log",
            )
            for number in range(WORKERS)
        ]

    async def start(self, *workers: Role) -> None:
        """Start workers and wait until all that live work."""
        for worker in workers:
            worker.start()
        watching = await asyncpg.connect(self.stage.dsn)  # beside whoever goes on meanwhile
        await self.until(
            lambda: watching.fetchval(
                "SELECT count(*) >= $1 FROM workers WHERE beat > 0",
                sum(worker.lives for worker in self.workers),
            )
        )
        await watching.close()

    async def close(self) -> None:
        """Stop every worker."""
        await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in self.workers))

    async def add(self, messages: int, *, ddd: int = 11) -> None:
        """Have so many messages wait, as of bulk runs."""
        chunks = []
        # All at once: a sweep would wake workers for the first of them while the others are written.
        async with self.connection.transaction():
            for begun in range(0, messages, _CHUNK):
                chunk = -await self.value("SELECT nextval('chunks_id_seq')")
                chunks.append(queue.WakeUp(chunk))
                size = min(_CHUNK, messages - begun)
                await rows.add_messages(
                    self.connection, size, chunk_id=chunk, first_id=next(self._firsts), kind="bulk", ddd=ddd
                )
            # Read the register's phones as idle workers do soon after an import.
            while await numbers.fill_slice(self.connection):
                pass
            await self.connection.execute("ANALYZE messages")
            await queue.enqueue(self.connection, chunks)

    async def value(self, query: str, *arguments: object) -> Any:
        return await self.connection.fetchval(query, *arguments)

    async def until(self, condition: Callable[[], Any], *, seconds: float = _PATIENCE_S) -> None:
        """Wait for a condition, which may be asynchronous; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                found = condition()
                if await found if asyncio.iscoroutine(found) else found:
                    return
                await asyncio.sleep(0.02)

    def arrived(self, *, ddd: int = 11) -> list[str]:
        """The ids of what went to one area code, in order of arrival."""
        log = self.log.read_on()
        return [id_ for id_ in log.arrived if log.numbers[id_].startswith(f"+55{ddd}")]
