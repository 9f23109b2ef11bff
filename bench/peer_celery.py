"""Flask (gunicorn, two processes of eight threads), PostgreSQL and Celery (prefork 4) over RabbitMQ."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
from tests.support.stage import free_port

from bench.celery_schema import Shape
from bench.machine import ROOT, Process, venv
from bench.services import RabbitMQ
from bench.wrk import Target

PACKAGES = ("celery==5.6.2", "flask==3.1.2", "gunicorn==23.0.0", "psycopg[binary]==3.3.2", "requests==2.32.5")


class CeleryShape:
    """`platform`: where its worker POSTs; without it none runs, and only accepting is measured."""

    def __init__(self, folder: Path, dsn: str, shape: Shape, platform: str | None = None) -> None:
        programs = venv("celery", *PACKAGES) / "bin"
        asyncio.run(_prepare(dsn, shape.schema))
        self._dsn = dsn
        self._parts: list[RabbitMQ | Process] = [RabbitMQ(folder)]
        environment = {
            "BENCH_DSN": dsn,
            "BENCH_BROKER": f"amqp://guest:guest@127.0.0.1:{self._parts[0].port}//",
            "BENCH_PLATFORM": platform or "",
            "BENCH_TABLE": shape.table,
        }
        port = free_port()
        web = [programs / "gunicorn", "-w", "2", "-k", "gthread", "--threads", "8", "-b", f"127.0.0.1:{port}"]
        here = ROOT / "bench"
        self._parts.append(
            Process([*web, "celery_shape:web"], folder / f"gunicorn-{shape.table}.log", environment, here)
        )
        self._parts[-1].opens(port)
        if platform:
            worker = [programs / "celery", "-A", "celery_shape:tasks", "worker", "-c", "4", "-l", "WARNING"]
            worker += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-Q", "sms"]
            self._parts.append(Process(worker, folder / f"celery-{shape.table}.log", environment, here))
        self.target = Target(
            f"http://127.0.0.1:{port}/sms",
            "POST",
            (("Content-Type", "application/json"),),
            '{"id_fatura":"#"}',
        )

    def stop(self) -> None:
        for part in reversed(self._parts):
            part.stop()


async def _prepare(dsn: str, schema: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(schema)
    await connection.close()
