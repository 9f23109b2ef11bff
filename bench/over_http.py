"""`./dev bench http [--json FILE]`: one worker, from `queued` to `accepted` rows, to a stand-in.

Beside it, in the same run and in turn: the bare HTTP client (the product's own, without a database) with
as many connections, to the same stand-in: what no worker can pass. Each round's log is held against the
table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import uvloop
from tests.support import rows
from tests.support.stage import Role, free_port

from bench.machine import tell
from disparo import queue
from disparo.db import numbers
from disparo.db.embedded import EmbeddedPostgres
from disparo.dispatch.prepare import prepare
from disparo.platforms.http import Call, HttpSender

ROOT = Path(__file__).resolve().parent.parent
CHUNK, WINDOW = 500, 50


class StandIn:
    """A fresh stand-in; `stop` gives what it was handed, in order. `receipts`: where it confirms."""

    def __init__(self, folder: Path, *, receipts: str | None = None) -> None:
        self.port = free_port()
        self._log = folder / f"stand_in_{self.port}.log"
        command = [sys.executable, "-m", "bench.stand_in", str(self.port), str(self._log)]
        command += [receipts] if receipts else []
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/sms"

    def stop(self) -> list[str]:
        return [reference for reference, _ in self._ended()]

    def times(self) -> dict[str, float]:
        """End it, and give when each reference came (time.time)."""
        return {reference: float(at) for reference, at in self._ended()}

    def _ended(self) -> list[list[str]]:
        self._process.terminate()
        self._process.wait(30)
        return [line.split() for line in self._log.read_text(encoding="utf-8").splitlines()]


async def bare(folder: Path, count: int) -> float:
    """The client alone: `count` calls over as many connections as a lane has places."""
    stand_in, sender = StandIn(folder), HttpSender(timeout_s=20)
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            body = b"to=5511988887777&text=%s&ref=%d" % (b"x" * 120, number)
            await sender.send(Call("POST", stand_in.url, {"Content-Type": "x"}, body))

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(WINDOW)))
    took = time.perf_counter() - began
    await sender.close()
    assert len(stand_in.stop()) == count
    return count / took


def table_of(url: str, *, batch: int = 1) -> dict[str, Any]:
    """The stand-in as an administrator would write it into the settings; `batch`: most messages in a call."""
    item = {"to": "{telefone}", "text": "{texto}", "ref": "{referencia}"}
    receipts = {"id": "id", "status": "status", "statuses": {"delivered": "delivered"}}
    table = {
        "type": "generic_http",
        "url": url,
        "id_path": "id",
        "success": {"status": [200], "path": "id"},
        "webhook_secret": "ensaio",
    }
    if batch == 1:
        return {**table, "form": item, "receipts": receipts}
    return {
        **table,
        "json": {"messages": "{itens}"},
        "batch": {"max": batch, "items": "messages", "item": item},
        "receipts": {**receipts, "items": "results"},
    }


def worker_of(dsn: str, url: str, folder: Path) -> Role:
    environment = {
        "DISPARO_DATABASE_URL": dsn,
        "DISPARO_DATA_DIR": str(folder / "data"),
        "DISPARO_PLATFORMS": json.dumps({"parada": table_of(url)}),
        "DISPARO_REAL_SENDING": "yes",
    }
    return Role("worker", ["disparo", "worker"], environment, folder / "worker.log")


async def through_the_fence(dsn: str, folder: Path, count: int) -> dict[str, Any]:
    """Give the rate of one round, and whether the platform's log and the table say the same."""
    stand_in = StandIn(folder)
    connection = await asyncpg.connect(dsn)
    await connection.execute("TRUNCATE dispatches, messages, pgqueuer, workers, platform_states CASCADE")
    chunks = list(range(1, count // CHUNK + 1))
    for chunk in chunks:
        await rows.add_messages(connection, CHUNK, chunk_id=chunk, first_id=1 + chunk * CHUNK)
    await connection.execute("SELECT setval('chunks_id_seq', $1)", len(chunks) + 1)
    await read_numbers_of(connection)
    await connection.execute("VACUUM ANALYZE")
    worker = worker_of(dsn, stand_in.url, folder)
    worker.start()
    while not await connection.fetchval("SELECT count(*) FROM workers WHERE beat > 0"):
        await asyncio.sleep(0.05)
    cpu_s = cpu_of(worker)
    began = time.perf_counter()
    async with connection.transaction():
        await queue.enqueue(connection, [queue.WakeUp(chunk) for chunk in chunks])
    while await connection.fetchval("SELECT EXISTS (SELECT FROM messages WHERE status <> 'accepted')"):
        if time.perf_counter() - began > 300:
            raise RuntimeError(f"not all were accepted; see {worker.log}")
        await asyncio.sleep(0.02)
    took, cpu_s = time.perf_counter() - began, cpu_of(worker) - cpu_s
    worker.stop()
    table = sorted(row["reference"] for row in await connection.fetch("SELECT reference FROM messages"))
    await connection.close()
    return {"per_s": count / took, "cpu_us": cpu_s / count * 1e6, "agrees": sorted(stand_in.stop()) == table}


def cpu_of(role: Role) -> float:
    used = psutil.Process(role.pid).cpu_times()
    return used.user + used.system


async def read_numbers_of(connection: asyncpg.Connection) -> None:
    """Read the register's phones as an idle worker does soon after an import: no part of a hand-over."""
    while True:
        async with connection.transaction():
            if not await numbers.fill_slice(connection):
                return


async def measure(dsn: str, folder: Path, *, rounds: int, count: int) -> dict[str, Any]:
    await prepare(dsn)
    product: list[float] = []
    worker_us: list[float] = []
    limit: list[float] = []
    for _ in range(rounds):
        found = await through_the_fence(dsn, folder, count)
        if not found["agrees"]:
            raise RuntimeError("the stand-in's log and the table differ")
        product.append(round(found["per_s"], 1))
        worker_us.append(round(found["cpu_us"], 1))
        limit.append(round(await bare(folder, count), 1))
    return {
        "http_per_s": statistics.median(product),
        "bare_client_per_s": statistics.median(limit),
        "share_of_bare_client": round(statistics.median(product) / statistics.median(limit), 3),
        "worker_cpu_us_per_message": statistics.median(worker_us),
        "messages": count,
        "connections": WINDOW,
        "rounds": {"http_per_s": product, "bare_client_per_s": limit, "worker_cpu_us": worker_us},
        "load": os.getloadavg(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench http", description="Um worker, até a plataforma.")
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    parser.add_argument("--rodadas", type=int, default=7)
    parser.add_argument("--mensagens", type=int, default=40_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="disparo-bench-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        dsn = server.start()
        found = uvloop.run(measure(dsn, folder, rounds=options.rodadas, count=options.mensagens))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    tell(found, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
