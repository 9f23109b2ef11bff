"""`disparo worker`: one worker process; as many as one likes, on as many machines as one likes."""

from __future__ import annotations

import asyncio
import os
import signal

import typer

from disparo import failpoints
from disparo.cli.context import DataDir, database, prepare_patiently
from disparo.cli.processes import end_with_parent
from disparo.db.pool import TRANSIENT
from disparo.dispatch.rules import Rules
from disparo.dispatch.worker import Worker, WorkerSettings
from disparo.errors import DatabaseUnavailable
from disparo.log import configure_logging
from disparo.platforms.registry import build_platforms, build_routes, check_tables
from disparo.settings import Settings, load_settings


def worker(dados: DataDir = None) -> None:
    """Entrega as mensagens às plataformas de SMS."""
    end_with_parent()
    failpoints.arm(os.environ.get("DISPARO_FAILPOINTS", ""))
    settings = load_settings(data_dir=dados)
    configure_logging(level=settings.log_level)
    check_tables(settings.platforms)
    with database(dados) as dsn:
        raise typer.Exit(_run(settings, dsn))


def _run(settings: Settings, dsn: str) -> int:
    import uvloop

    return uvloop.run(_work(settings, dsn))


async def _work(settings: Settings, dsn: str) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await prepare_patiently(dsn)
    platforms = build_platforms(
        settings.platforms,
        real_sending=settings.real_sending,
        test_numbers=frozenset(settings.test_numbers),
        public_url=settings.public_url,
    )
    worker_settings = WorkerSettings(max_tries=settings.tries, memory_mb=settings.worker_memory_mb)
    try:
        runner = Worker(
            dsn,
            platforms=platforms,
            routes=build_routes(settings.platforms),
            rules=rules_of(settings),
            settings=worker_settings,
        )
        return await runner.run(stop)
    except TRANSIENT as error:  # it fell while we were starting: whoever keeps us starts us again
        raise DatabaseUnavailable(
            f"O banco de dados caiu durante o início ({type(error).__name__})."
        ) from error
    finally:
        for platform in platforms.values():
            await platform.close()


def rules_of(settings: Settings) -> Rules:
    """Shape the settings into what the last look before a start asks for."""
    return Rules(
        brand=settings.brand,
        template=settings.template,
        zone=settings.zone,
        max_parts=settings.max_segments,
        allow_paid=settings.allow_paid,
        is_holiday=lambda _day: False,
    )
