"""`./dev bench [--json FILE] [--rapido]`: first figures, each beside the database's own limit in one run.

Accepted calls are durable and authenticated: token, limits on the way off, one flush before each 200.
Beside them: the same number of connections that each commit one small row, straight to the same server.
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
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import uvloop
from tests.support.client import SEND
from tests.support.rows import add_invoices
from tests.support.stage import Stage

from bench.load import Load
from bench.machine import describe
from disparo.db.embedded import EmbeddedPostgres

INVOICES = 5000
CONNECTIONS = (1, 16, 64)


def request(base_port: int, token: str, invoice: int) -> bytes:
    body = b'{"id_fatura":"%d"}' % invoice
    head = (
        f"POST {SEND} HTTP/1.1\r\nHost: 127.0.0.1:{base_port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def commits(dsn: str, connections: int, seconds: float) -> float:
    """The physical limit beside: one-row commits a second."""
    opened = [await asyncpg.connect(dsn) for _ in range(connections)]
    await opened[0].execute("CREATE TABLE IF NOT EXISTS bench_commits (id bigint)")
    until, count = time.perf_counter() + seconds, 0

    async def one(connection: asyncpg.Connection) -> None:
        nonlocal count
        while time.perf_counter() < until:
            await connection.execute("INSERT INTO bench_commits VALUES (1)")
            count += 1

    await asyncio.gather(*map(one, opened))
    await opened[0].execute("TRUNCATE bench_commits")
    for connection in opened:
        await connection.close()
    return count / seconds


def memory_mb(stage: Stage) -> dict[str, float]:
    return {
        name: round(psutil.Process(role.pid).memory_info().rss / 1e6, 1)
        for name, role in stage.roles.items()
        if role.lives
    }


async def accepting(stage: Stage, dsn: str, *, seconds: float, rounds: int) -> dict[str, Any]:
    for worker in stage.workers:
        worker.stop()  # one thing at a time: here only accepting is measured
    token = await stage.token()
    requests = [request(stage.server_port, token, number) for number in range(1, INVOICES + 1)]
    raw: dict[int, list[dict[str, float]]] = {count: [] for count in CONNECTIONS}
    for _ in range(rounds):
        for count in CONNECTIONS:  # interleaved: what the machine does besides hits all alike
            load = Load("127.0.0.1", stage.server_port, requests, count, seconds)
            await load.run()
            limit = await commits(dsn, count, seconds / 2)
            raw[count].append(
                {
                    "accepted_per_s": len(load.latencies) / seconds,
                    "p50_ms": load.quantile(0.5) * 1000,
                    "p99_ms": load.quantile(0.99) * 1000,
                    "not_200": load.others,
                    "commits_per_s": limit,
                }
            )
    return {str(count): {"median": _medians(runs), "runs": runs} for count, runs in raw.items()}


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    found = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    found["share_of_commits"] = found["accepted_per_s"] / found["commits_per_s"]
    return {name: round(value, 2) for name, value in found.items()}


async def end_to_end(stage: Stage, dsn: str, *, seconds: float) -> dict[str, float]:
    """Messages that wait are sent and confirmed: from the workers' start to the last receipt applied."""
    connection = await asyncpg.connect(dsn)
    token = await stage.token()
    requests = [request(stage.server_port, token, number) for number in range(1, INVOICES + 1)]
    # The calls of the first part were never sent: their entries would be drained first.
    await connection.execute("TRUNCATE dispatches, messages, pgqueuer CASCADE")
    await Load("127.0.0.1", stage.server_port, requests, 64, seconds).run()
    count = await connection.fetchval("SELECT count(*) FROM messages")
    await stage.behave({"latency_ms": 0, "receipt_delay_ms": 0, "receipts": ["delivered"]})
    began = time.perf_counter()
    for worker in stage.workers:
        worker.start()
    handed_over_s = None
    while True:
        waiting, undelivered = await connection.fetchrow(
            "SELECT count(*) FILTER (WHERE status IN ('queued', 'claimed', 'sending')), "
            "count(*) FILTER (WHERE status <> 'delivered') FROM messages"
        )
        if handed_over_s is None and not waiting:
            handed_over_s = time.perf_counter() - began
        if not undelivered or time.perf_counter() - began > 300:
            break
        await asyncio.sleep(0.2)
    total_s = time.perf_counter() - began
    await connection.close()
    return {
        "messages": count,
        "handed_over_per_s": round(count / (handed_over_s or total_s), 1),
        "confirmed_per_s": round(count / total_s, 1),
        "undelivered": undelivered,
    }


async def measure(dsn: str, folder: Path, *, quick: bool) -> dict[str, Any]:
    seconds, rounds = (2.0, 1) if quick else (4.0, 7)
    async with Stage(dsn, folder, workers_count=1, latency_ms=0) as stage:
        connection = await asyncpg.connect(dsn)
        await add_invoices(connection, INVOICES)
        await connection.close()
        await asyncio.sleep(1)
        idle = memory_mb(stage)
        accept = await accepting(stage, dsn, seconds=seconds, rounds=rounds)
        end = await end_to_end(stage, dsn, seconds=seconds)
        return {"accept": accept, "end_to_end": end, "memory_mb": {"idle": idle, "after": memory_mb(stage)}}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Mede o desempenho nesta máquina.")
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    parser.add_argument("--rapido", action="store_true", help="uma rodada curta")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="disparo-bench-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        found = uvloop.run(measure(server.start(), folder, quick=options.rapido))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    found["machine"] = describe()
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


def show(found: dict[str, Any]) -> None:
    print("connections  accepted/s   p50 ms   p99 ms  not 200  commits/s  share of commits")
    for count, figures in found["accept"].items():
        row = figures["median"]
        print(
            f"{count:>11} {row['accepted_per_s']:>11.0f} {row['p50_ms']:>8.1f} {row['p99_ms']:>8.1f} "
            f"{row['not_200']:>8.0f} {row['commits_per_s']:>10.0f} {row['share_of_commits']:>17.2f}"
        )
    end = found["end_to_end"]
    print(
        f"end to end: {end['messages']} messages, {end['handed_over_per_s']}/s handed over, "
        f"{end['confirmed_per_s']}/s with the receipt applied, one worker"
    )
    for moment, processes in found["memory_mb"].items():
        print(f"memory, {moment}: " + ", ".join(f"{name} {size} MB" for name, size in processes.items()))


if __name__ == "__main__":
    sys.exit(main())
