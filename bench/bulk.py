"""`./dev bench bulk [--json FILE] [--faturas N] [--segundos N]`: bulk runs.

- `bulk_1m_queue_s`: a run of N invoices (a million unless told otherwise), from storing it to its last
  message in the queue, on fresh tables; by two queuers, as one worker has. Scaled to a million.
- `bulk_single_p99_ms`: single calls with no delay while that run is being handed over and another one is
  queued, from their 200 to the simulated platform, on its clock; at 50 a second and without limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import psutil
import uvloop
from tests.support import bulk
from tests.support.client import SEND
from tests.support.stage import Stage

from bench.history import add_register
from bench.machine import tell
from disparo.db.embedded import EmbeddedPostgres
from disparo.db.pool import Pool, open_pool
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_queue import queue_some, read_numbers
from disparo.dispatch.prepare import prepare

_QUEUERS = 2
_SINGLES = 1000  # invoices for single calls, beside those of the run
_DUE = date(2099, 1, 1)


async def queue_run(pool: Pool, selection: Selection) -> tuple[UUID, float]:
    """Give the run, and the seconds from storing it to its last message in the queue."""
    began = time.perf_counter()
    dispatch_id = await bulk.store(pool, selection)
    await asyncio.gather(*(_queue(pool, dispatch_id) for _ in range(_QUEUERS)))
    return dispatch_id, time.perf_counter() - began


async def _queue(pool: Pool, dispatch_id: UUID) -> None:
    while not (await bulk.run_of(pool, dispatch_id))["is_queued"]:
        while await queue_some(pool, bulk.RULES):
            pass
        await asyncio.sleep(0.01)


async def forget_runs(connection: asyncpg.Connection) -> None:
    """Delete every run and its messages, and leave the tables as if they had never been."""
    await connection.execute("DELETE FROM messages WHERE chunk_id < 0")
    await connection.execute("DELETE FROM dispatches WHERE kind = 'bulk'")
    await connection.execute(
        "VACUUM messages, dispatches, dispatch_counts, bulk_chunks, bulk_slices, bulk_runs"
    )


async def queuing(dsn: str, *, count: int, rounds: int) -> dict[str, Any]:
    """Queue a run `rounds` times; the first is on fresh tables and counts."""
    times: list[float] = []
    rss: list[float] = []
    async with open_pool(dsn, size=4) as pool:
        for _ in range(rounds):
            before = psutil.Process().memory_info().rss
            _, took = await queue_run(pool, Selection(None, _DUE, _DUE))
            rss.append((psutil.Process().memory_info().rss - before) / 1e6)
            times.append(took)
            async with pool.acquire() as connection:
                assert await connection.fetchval("SELECT count(*) FROM messages WHERE chunk_id < 0") == count
                if len(times) < rounds:
                    await forget_runs(connection)
    return {"seconds": [round(one, 2) for one in times], "rss_mb_per_run": [round(one, 1) for one in rss]}


async def singles(
    dsn: str, folder: Path, *, per_second: float | None, seconds: float, count: int
) -> dict[str, Any]:
    """Single calls during a run that is handed over, and one that is queued beside it."""
    await _open_now(dsn)
    stage = Stage(dsn, folder, workers_count=1, latency_ms=0)
    platform = {
        "type": "simulator",
        "url": stage.simulator_url,
        "webhook_secret": "ensaio",
        **({} if per_second is None else {"per_second": per_second}),
    }
    stage.overrides = {"DISPARO_PLATFORMS": json.dumps({"simulador": platform})}
    async with stage, open_pool(dsn, size=4) as pool, aiohttp.ClientSession() as session:
        token = await stage.token()
        await _until_bulk_flows(stage)
        beside = asyncio.create_task(
            queue_run(pool, Selection(None, _DUE + timedelta(days=1), _DUE + timedelta(days=1)))
        )
        sent: dict[str, float] = {}
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            invoice = count + 1 + len(sent) % _SINGLES
            answer = await session.post(
                f"{stage.base}{SEND}",
                json={"id_fatura": invoice},
                headers={"Authorization": f"Bearer {token}"},
            )
            assert answer.status == 200, await answer.text()
            sent[(await answer.json())["disparo"]["id"]] = time.time()
            await asyncio.sleep(0.2)
        await asyncio.sleep(5)
        _, queued_s = await beside
        waits = await _waits(pool, stage, sent)
        taken = sum(1 for _ in stage.simulator_log.open(encoding="utf-8"))
    waits.sort()
    return {
        "calls": len(sent),
        "arrived": len(waits),
        "p50_ms": round(1000 * statistics.median(waits), 1),
        "p99_ms": round(1000 * waits[min(len(waits) - 1, int(len(waits) * 0.99))], 1),
        "taken_by_platform": taken,
        "beside_queued_s": round(queued_s, 2),
    }


async def _open_now(dsn: str) -> None:
    """At night bulk messages wait for the morning: here they go now."""
    connection = await asyncpg.connect(dsn)
    await bulk.open_now(connection)
    await connection.close()


async def _until_bulk_flows(stage: Stage) -> None:
    until = time.monotonic() + 60
    while not stage.simulator_log.exists() or not stage.simulator_log.stat().st_size:
        if time.monotonic() > until:
            raise RuntimeError(f"nothing of the run was handed over; see {stage.folder}")
        await asyncio.sleep(0.1)


async def _waits(pool: Pool, stage: Stage, sent: dict[str, float]) -> list[float]:
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT reference, dispatch_id FROM messages WHERE dispatch_id = ANY($1::uuid[])",
            list(map(UUID, sent)),
        )
    dispatch_of = {row["reference"]: str(row["dispatch_id"]) for row in rows}
    waits = []
    with stage.simulator_log.open(encoding="utf-8") as log:
        for line in log:
            entry = json.loads(line)
            dispatch_id = dispatch_of.get(entry.get("reference", ""))
            if dispatch_id is not None and entry["taken"]:
                waits.append(entry["at"] - sent[dispatch_id])
    return waits


def _scaled(seconds: float, count: int) -> float:
    return round(seconds * 1_000_000 / count, 2)


async def measure(options: argparse.Namespace, folder: Path, dsn: str) -> dict[str, Any]:
    count = options.faturas
    await _prepared(dsn, count)
    queued = await queuing(dsn, count=count, rounds=options.rodadas)
    limited = await singles(
        dsn, _sub(folder, "limited"), per_second=50, seconds=options.segundos, count=count
    )
    await _again(dsn)
    unlimited = await singles(
        dsn, _sub(folder, "free"), per_second=None, seconds=options.segundos, count=count
    )
    return {
        "invoices": count,
        "bulk_1m_queue_s": _scaled(queued["seconds"][0], count),
        "bulk_single_p99_ms": max(limited["p99_ms"], unlimited["p99_ms"]),
        "queuing": queued,
        "singles_at_50_per_s": limited,
        "singles_without_limit": unlimited,
        "load": os.getloadavg(),
    }


async def _prepared(dsn: str, count: int) -> None:
    await prepare(dsn)
    connection = await asyncpg.connect(dsn)
    await add_register(connection, count, due=_DUE)
    await add_register(connection, max(_SINGLES, count // 10), first=count + 1, due=_DUE + timedelta(days=1))
    await connection.close()
    async with open_pool(dsn, size=2) as pool:
        await read_numbers(pool)
    connection = await asyncpg.connect(dsn)
    await connection.execute("VACUUM ANALYZE customers, invoices")
    await connection.close()


async def _again(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("TRUNCATE users, api_clients RESTART IDENTITY CASCADE")
    await connection.close()


def _sub(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir(mode=0o711)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench bulk", description="Disparos em massa.")
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    parser.add_argument("--faturas", type=int, default=1_000_000)
    parser.add_argument("--segundos", type=float, default=60.0, help="duração das chamadas únicas")
    parser.add_argument("--rodadas", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="disparo-bench-"))
    folder.chmod(0o711)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = EmbeddedPostgres(_sub(folder, "fresh") / "data")
        stack.callback(server.stop)
        found = uvloop.run(measure(options, folder, server.start()))
    tell(found, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
