"""Receipts at a steady rate while a worker dispatches: how long each waits for its acknowledgement.

    ./dev bench confirmacoes [--por-segundo 1000] [--segundos 30] [--json FILE]

Calls leave on a fixed schedule, whether or not earlier ones were answered, and a call's time counts from
the moment it was due: a server that stops for a second shows a second. Afterwards every acknowledged
receipt must have been applied.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from tests.support.rows import add_invoices, add_messages
from tests.support.stage import Stage

from bench.accept import INVOICES, request
from bench.load import Load, is_answered_200
from bench.machine import describe, tell
from disparo.db.embedded import EmbeddedPostgres

CONNECTIONS = 64
_FIRST_ID = 1_000_000
_ACCEPTED = """
    WITH taken AS (
        INSERT INTO attempts (message_id, platform, worker_id, outcome, platform_id, finished_at)
        SELECT id, 'simulador', gen_random_uuid(), 'accepted', 'bench-' || id, now()
        FROM messages WHERE id = ANY($1::bigint[]) RETURNING id, message_id, platform_id
    ), noted AS (
        INSERT INTO platform_messages (platform, platform_id, attempt_id)
        SELECT 'simulador', platform_id, id FROM taken
    )
    UPDATE messages m SET status = 'accepted', attempt_id = t.id, platform = 'simulador',
                          platform_id = t.platform_id, text = 'x'
    FROM taken t WHERE t.message_id = m.id
"""


@dataclass
class Schedule:
    """Calls that are due at fixed moments; `late_s` of each that was acknowledged."""

    port: int
    requests: list[bytes]
    per_s: float
    late_s: list[float] = field(default_factory=list)
    not_200: int = 0
    next: int = 0

    async def run(self) -> None:
        began = time.perf_counter()
        await asyncio.gather(*(self._one(began) for _ in range(CONNECTIONS)))

    async def _one(self, began: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while self.next < len(self.requests):
            number, self.next = self.next, self.next + 1
            due = began + number / self.per_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(self.requests[number])
            if await is_answered_200(reader):
                self.late_s.append(time.perf_counter() - due)
            else:
                self.not_200 += 1
        writer.close()

    def quantile_ms(self, share: float) -> float:
        found = sorted(self.late_s)
        return round(found[min(len(found) - 1, int(len(found) * share))] * 1000, 2) if found else float("nan")


def receipt(port: int, message_id: int, status: str) -> bytes:
    body = json.dumps({"id": f"bench-{message_id}", "status": status, "carrier": "SIMULADA"}).encode()
    head = (
        f"POST /webhook/simulador/ensaio HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def messages_that_wait_for_receipts(connection: asyncpg.Connection, count: int) -> list[int]:
    ids = await add_messages(connection, count, first_id=_FIRST_ID, due_in_s=86_400)
    for first in range(0, count, 5000):
        await connection.execute(_ACCEPTED, ids[first : first + 5000])
    await connection.execute("ANALYZE")
    return ids


async def messages_to_dispatch(stage: Stage, seconds: float) -> None:
    token = await stage.token()
    requests = [request(stage.server_port, token, number) for number in range(1, INVOICES + 1)]
    await Load("127.0.0.1", stage.server_port, requests, 64, seconds).run()


async def applied(connection: asyncpg.Connection, count: int, *, patience_s: float) -> float | None:
    """Give the seconds until so many receipts were applied; None: never."""
    began = time.perf_counter()
    while time.perf_counter() - began < patience_s:
        found = await connection.fetchval(
            "SELECT count(*) FROM receipts WHERE platform_id LIKE 'bench-%' AND applied_at IS NOT NULL"
        )
        if found >= count:
            return round(time.perf_counter() - began, 2)
        await asyncio.sleep(0.1)
    return None


async def handed_over(connection: asyncpg.Connection) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM attempts WHERE outcome IS NOT NULL AND platform_id NOT LIKE 'bench-%'"
    )
    return count


async def measure(dsn: str, folder: Path, *, per_s: int, seconds: int) -> dict[str, Any]:
    async with Stage(dsn, folder, workers_count=1, latency_ms=0) as stage:
        connection = await asyncpg.connect(dsn)
        await add_invoices(connection, INVOICES)
        for worker in stage.workers:
            worker.stop()
        ids = await messages_that_wait_for_receipts(connection, per_s * seconds // 2)
        # Enough to be busy for the whole time; the platform brings receipts of its own for none of them.
        await stage.behave({"latency_ms": 0, "receipts": []})
        await messages_to_dispatch(stage, max(4.0, seconds))
        for worker in stage.workers:
            worker.start()
        while not await handed_over(connection):
            await asyncio.sleep(0.05)
        schedule = Schedule(
            stage.server_port,
            [receipt(stage.server_port, id_, status) for status in ("sent", "delivered") for id_ in ids],
            per_s,
        )
        before, began = await handed_over(connection), time.perf_counter()
        await schedule.run()
        took_s = time.perf_counter() - began
        dispatched = await handed_over(connection) - before
        waiting = await connection.fetchval("SELECT count(*) FROM messages WHERE status = 'queued'")
        applied_s = await applied(connection, len(schedule.late_s), patience_s=60)
        wrong = await connection.fetchval(
            "SELECT count(*) FROM messages WHERE id = ANY($1::bigint[]) AND status <> 'delivered'", ids
        )
        await connection.close()
    return {
        "asked_per_s": per_s,
        "acknowledged_per_s": round(len(schedule.late_s) / took_s, 1),
        "acknowledged": len(schedule.late_s),
        "not_200": schedule.not_200,
        "p50_ms": schedule.quantile_ms(0.5),
        "p99_ms": schedule.quantile_ms(0.99),
        "max_ms": schedule.quantile_ms(1.0),
        "all_applied_after_s": applied_s,
        "not_delivered": wrong,
        "dispatched_meanwhile_per_s": round(dispatched / took_s, 1),
        "still_to_dispatch": waiting,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Mede as confirmações de entrega nesta máquina.")
    parser.add_argument("--por-segundo", type=int, default=1000)
    parser.add_argument("--segundos", type=int, default=30)
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="disparo-bench-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        found = uvloop.run(
            measure(server.start(), folder, per_s=options.por_segundo, seconds=options.segundos)
        )
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    found["machine"] = describe()
    tell(found, options.json)
    return 0 if found["all_applied_after_s"] is not None and not found["not_delivered"] else 1


if __name__ == "__main__":
    sys.exit(main())
