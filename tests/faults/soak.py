"""`./dev soak [--segundos N] [--por-segundo R] [--json FILE]`: an hour of steady load, watched for growth.

Every minute: memory of each process, size of the queue's tables, open connections, p99 of accepting.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
from tests.faults.driver import add_tokens
from tests.support.client import SEND
from tests.support.stage import Stage

from disparo.db.embedded import EmbeddedPostgres

INVOICES = 20_000
_QUEUE_TABLES = ("pgqueuer", "pgqueuer_log", "workers", "platform_rates", "rate_limits")


@dataclass
class Watch:
    stage: Stage
    connection: asyncpg.Connection
    latencies: list[float] = field(default_factory=list)
    not_200: int = 0
    samples: list[dict[str, Any]] = field(default_factory=list)

    async def sample(self, at_s: float) -> None:
        tables = await self.connection.fetch(
            "SELECT relname, pg_total_relation_size(oid) AS size FROM pg_class WHERE relname = ANY($1)",
            list(_QUEUE_TABLES),
        )
        taken, self.latencies = sorted(self.latencies), []
        self.samples.append(
            {
                "at_s": round(at_s),
                "rss_mb": {
                    name: round(psutil.Process(role.pid).memory_info().rss / 1e6, 1)
                    for name, role in self.stage.roles.items()
                },
                "queue_mb": round(sum(row["size"] for row in tables) / 1e6, 2),
                "connections": await self.connection.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'disparo%'"
                ),
                "waiting": await self.connection.fetchval(
                    "SELECT count(*) FROM messages WHERE status IN ('queued', 'claimed', 'sending')"
                ),
                "calls": len(taken),
                "p50_ms": round(taken[len(taken) // 2] * 1000, 1) if taken else None,
                "p99_ms": round(taken[int(len(taken) * 0.99)] * 1000, 1) if taken else None,
            }
        )
        print(json.dumps(self.samples[-1]), flush=True)


async def load(watch: Watch, per_s: float, seconds: float) -> None:
    headers = {"Authorization": f"Bearer {await watch.stage.token()}"}
    calls: set[asyncio.Task[None]] = set()
    url, began = watch.stage.base + SEND, time.monotonic()
    connector = aiohttp.TCPConnector(limit=64)

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        asked = time.monotonic()
        async with session.post(url, json={"id_fatura": number % INVOICES + 1}) as answer:
            await answer.read()
            watch.not_200 += answer.status != 200
        watch.latencies.append(time.monotonic() - asked)

    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        number = 0
        while (passed := time.monotonic() - began) < seconds:
            while number < passed * per_s:
                number += 1
                calls.add(task := asyncio.create_task(one(session, number)))
                task.add_done_callback(calls.discard)
            await asyncio.sleep(0.005)
        await asyncio.gather(*calls)


async def soak(dsn: str, folder: Path, *, per_s: float, seconds: float) -> dict[str, Any]:
    async with Stage(dsn, folder, workers_count=1, latency_ms=0) as stage:
        await stage.behave({"receipts": ["delivered"], "receipt_delay_ms": 50})
        connection = await asyncpg.connect(dsn)
        await add_tokens(connection, INVOICES)
        watch = Watch(stage, connection)
        began = time.monotonic()
        running = asyncio.create_task(load(watch, per_s, seconds))
        while not running.done():
            await asyncio.wait([running], timeout=60)
            await watch.sample(time.monotonic() - began)
        await running
        await connection.close()
    return {"per_s": per_s, "seconds": seconds, "not_200": watch.not_200, **_growth(watch.samples, seconds)}


def _growth(samples: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Compare with the first sample after 10 minutes (or a sixth of a shorter run)."""
    full = [sample for sample in samples if sample["calls"]]
    settled = [sample for sample in full if sample["at_s"] >= min(600, seconds / 6)] or full
    first, last = settled[0], settled[-1]
    quarter = max(1, len(full) // 4)

    def p99(part: list[dict[str, Any]]) -> float:
        return statistics.median(sample["p99_ms"] for sample in part)

    return {
        "rss_growth": {
            name: round(last["rss_mb"][name] / size - 1, 4) for name, size in first["rss_mb"].items()
        },
        "queue_growth": round(last["queue_mb"] / first["queue_mb"] - 1, 4),
        "connections": [first["connections"], last["connections"]],
        "p99_first_quarter_ms": p99(full[:quarter]),
        "p99_last_quarter_ms": p99(full[-quarter:]),
        "samples": samples,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev soak", description="Uma hora de carga constante.")
    parser.add_argument("--segundos", type=int, default=3600)
    parser.add_argument("--por-segundo", type=float, default=400.0, help="chamadas por segundo")
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
