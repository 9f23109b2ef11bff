"""`./dev soak [--segundos N] [--por-segundo R] [--json FILE]`: an hour at half capacity, watched for growth.

Capacity is measured first, on the same house: 64 callers that ask again as soon as they are answered, for a
minute; an SMS counts when it is handed over. Then, every minute of the watch: memory of each process, size of
the queue's tables, open connections, p99 of accepting, and what a call costs each process. The caller's own
share is always the same work: it tells how fast the machine was just then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
from tests.faults.driver import add_tokens
from tests.support import portuguese
from tests.support.client import SEND
from tests.support.stage import Stage

from disparo.db.embedded import EmbeddedPostgres
from disparo.db.pool import connect

INVOICES = 20_000
CALLERS = 64
_QUEUE_TABLES = ("pgqueuer", "pgqueuer_log", "claims", "workers", "platform_rates", "rate_limits")


@dataclass
class Watch:
    stage: Stage
    connection: asyncpg.Connection
    latencies: list[float] = field(default_factory=list)
    not_200: int = 0
    samples: list[dict[str, Any]] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=dict)

    async def waiting(self) -> int:
        return await self.connection.fetchval(
            # By an index of what waits: reading the table through took both cores for a second by the end.
            "SELECT (SELECT count(*) FROM messages_waiting) + (SELECT count(*) FROM messages_in_hand)"
        )

    async def sample(self, at_s: float) -> None:
        tables = await self.connection.fetch(
            "SELECT relname, pg_total_relation_size(oid) AS size FROM pg_class WHERE relname = ANY($1)",
            list(_QUEUE_TABLES),
        )
        taken, self.latencies = sorted(self.latencies), []
        processes = {name: psutil.Process(role.pid) for name, role in self.stage.roles.items()}
        cpu_before = self.cpu_s
        self.cpu_s = {
            name: sum(process.cpu_times()[:2])
            for name, process in {**processes, "caller": psutil.Process()}.items()
        }
        self.samples.append(
            {
                "at_s": round(at_s),
                "rss_mb": {
                    name: round(process.memory_info().rss / 1e6, 1) for name, process in processes.items()
                },
                "cpu_us_per_call": {
                    name: round((now - cpu_before[name]) / len(taken) * 1e6)
                    for name, now in self.cpu_s.items()
                    if taken and name in cpu_before
                },
                "queue_mb": round(sum(row["size"] for row in tables) / 1e6, 2),
                "tables_kb": {row["relname"]: row["size"] // 1000 for row in tables},
                "connections": await self.connection.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'disparo%'"
                ),
                "waiting": await self.waiting(),
                "calls": len(taken),
                "p50_ms": round(taken[len(taken) // 2] * 1000, 1) if taken else None,
                "p99_ms": round(taken[int(len(taken) * 0.99)] * 1000, 1) if taken else None,
            }
        )
        print(json.dumps(self.samples[-1]), flush=True)


async def _ask(watch: Watch, session: aiohttp.ClientSession, number: int) -> None:
    asked = time.monotonic()
    body = {"id_fatura": number % INVOICES + 1}
    async with session.post(watch.stage.base + SEND, json=body) as answer:
        await answer.read()
        watch.not_200 += answer.status != 200
    watch.latencies.append(time.monotonic() - asked)


async def _drained(watch: Watch) -> None:
    while await watch.waiting():
        await asyncio.sleep(0.1)


async def capacity(watch: Watch, session: aiohttp.ClientSession, seconds: float) -> float:
    """SMS a second that the whole house carries, from the call to the platform, with receipts coming back."""
    began = time.monotonic()

    async def caller(first: int) -> None:
        number = first
        while time.monotonic() - began < seconds:
            await _ask(watch, session, number)
            number += CALLERS

    await asyncio.gather(*(caller(first) for first in range(CALLERS)))
    await _drained(watch)
    return len(watch.latencies) / (time.monotonic() - began)


async def load(watch: Watch, session: aiohttp.ClientSession, per_s: float, seconds: float) -> None:
    """Ask `per_s` times a second whatever the answers take, so that a slow answer is seen as slow."""
    calls: set[asyncio.Task[None]] = set()
    began, number = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while number < passed * per_s:
            number += 1
            calls.add(task := asyncio.create_task(_ask(watch, session, number)))
            task.add_done_callback(calls.discard)
        await asyncio.sleep(0.005)
    await asyncio.gather(*calls)


async def soak(dsn: str, folder: Path, *, per_s: float | None, seconds: float) -> dict[str, Any]:
    async with Stage(dsn, folder, workers_count=1, latency_ms=0) as stage:
        await stage.behave({"receipts": ["delivered"], "receipt_delay_ms": 50})
        connection = await connect(dsn)
        await add_tokens(connection, INVOICES)
        watch = Watch(stage, connection)
        headers = {"Authorization": f"Bearer {await stage.token()}"}
        connector = aiohttp.TCPConnector(limit=CALLERS)
        measured = None
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            if per_s is None:
                measured = await capacity(watch, session, min(60, seconds))
                per_s, watch.latencies = measured / 2, []
                print(f"capacity: {measured:.0f} SMS/s; the watch runs at {per_s:.0f}/s", flush=True)
            began = time.monotonic()
            running = asyncio.create_task(load(watch, session, per_s, seconds))
            while not running.done():
                await asyncio.wait([running], timeout=60)
                await watch.sample(time.monotonic() - began)
            await running
        await connection.close()
    return {
        "capacity_per_s": measured,
        "per_s": per_s,
        "seconds": seconds,
        "not_200": watch.not_200,
        **growth(watch.samples, seconds),
    }


def growth(samples: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Compare the ten minutes after the first ten with the last ten (sixths of a shorter run), by medians.

    Vacuum and pools breathe: one sample beside one other would measure that. Of connections the most count.
    """
    full = [sample for sample in samples if sample["calls"]]
    stretch = min(600, seconds / 6)
    settled = [sample for sample in full if stretch <= sample["at_s"] < 2 * stretch + 1] or full[:1]
    last = [sample for sample in full if sample["at_s"] > seconds - stretch] or full[-1:]
    quarter = max(1, len(full) // 4)

    def grown(value: Callable[[dict[str, Any]], float]) -> float:
        return round(statistics.median(map(value, last)) / statistics.median(map(value, settled)) - 1, 4)

    def p99(part: list[dict[str, Any]]) -> float:
        return statistics.median(sample["p99_ms"] for sample in part)

    return {
        "rss_growth": {name: grown(_rss_of(name)) for name in full[0]["rss_mb"]},
        "queue_growth": grown(lambda sample: sample["queue_mb"]),
        "connections": [max(sample["connections"] for sample in part) for part in (settled, last)],
        "p99_first_quarter_ms": p99(full[:quarter]),
        "p99_last_quarter_ms": p99(full[-quarter:]),
        "samples": samples,
    }


def _rss_of(name: str) -> Callable[[dict[str, Any]], float]:
    return lambda sample: sample["rss_mb"][name]


def main() -> int:
    portuguese.speak()
    parser = argparse.ArgumentParser(prog="./dev soak", description="Uma hora de carga constante.")
    parser.add_argument("--segundos", type=int, default=3600)
    parser.add_argument(
        "--por-segundo", type=float, help="chamadas por segundo (sem isto, metade da capacidade medida)"
    )
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="disparo-soak-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        figures = asyncio.run(
            soak(server.start(), folder, per_s=options.por_segundo, seconds=options.segundos)
        )
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({name: value for name, value in figures.items() if name != "samples"}, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
