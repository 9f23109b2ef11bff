"""`disparo worker`: one worker process; as many as one likes, on as many machines as one likes."""

from __future__ import annotations

import asyncio
import os

import typer

from disparo import failpoints, life_signs
from disparo.cli.chores import chores_of, freshness_of
from disparo.cli.context import DataDir, log_misspelt, opened, prepare_patiently
from disparo.cli.processes import end_with_parent
from disparo.cli.stopping import stop_signal, unless
from disparo.cli.telling import Tell, teller
from disparo.db.pool import TRANSIENT
from disparo.dispatch import alarms
from disparo.dispatch.from_settings import platforms_of, rules_of
from disparo.dispatch.prune import Retention
from disparo.dispatch.worker import Worker, WorkerPlan, WorkerSettings
from disparo.errors import DatabaseUnavailable
from disparo.log import configure_logging
from disparo.platforms.base import Platform
from disparo.platforms.registry import build_routes, check_tables, read_table
from disparo.settings import Settings, load_settings
from disparo.settings_watch import SettingsWatch, say_what_waits
from disparo.sources.build import build_hubsoft
from disparo.wording.alert_words import say


def worker(dados: DataDir = None) -> None:
    """Entrega as mensagens às plataformas de SMS."""
    is_child = end_with_parent()
    failpoints.arm(os.environ.get("DISPARO_FAILPOINTS", ""))

    def load() -> Settings:
        settings = load_settings(data_dir=dados)
        check_tables(settings.platforms)
        return settings

    watch = SettingsWatch(load, after_others=True)
    settings = load()
    configure_logging(level=settings.log_level)
    log_misspelt()
    with opened(dados, may_begin=True) as dsn:
        raise typer.Exit(_run(settings, dsn, watch, is_child=is_child))


def _run(settings: Settings, dsn: str, watch: SettingsWatch, *, is_child: bool) -> int:
    import uvloop

    return uvloop.run(_work(settings, dsn, watch, is_child=is_child))


async def _work(settings: Settings, dsn: str, watch: SettingsWatch, *, is_child: bool) -> int:
    stop = stop_signal()
    alive = asyncio.create_task(life_signs.give_forever())
    if await unless(stop, prepare_patiently(settings, dsn, may_upgrade=not is_child)) is None:
        return 0
    planner = _Planner()
    worker_settings = WorkerSettings(
        memory_mb=settings.worker_memory_mb,
        retention=Retention(settings.keep_text_days, settings.keep_evidence_days),
    )
    hubsoft = build_hubsoft(settings)
    runner = Worker(
        dsn,
        plan=planner.plan(settings),
        settings=worker_settings,
        chores=chores_of(settings, dsn, hubsoft, watch=watch, platforms=planner.platforms),
        freshness=freshness_of(settings, dsn, hubsoft),
    )

    def use(changed: Settings) -> None:
        runner.use(planner.plan(changed))
        say_what_waits(settings, changed)

    watching = asyncio.create_task(watch.run(use))
    try:
        return await runner.run(stop)
    except TRANSIENT as error:  # it fell while we were starting: whoever keeps us starts us again
        raise DatabaseUnavailable(
            f"O banco de dados caiu durante o início ({type(error).__name__})."
        ) from error
    finally:
        watching.cancel()
        alive.cancel()
        if hubsoft is not None:
            await hubsoft.close()


def _of_alerts(tell: Tell | None) -> alarms.Tell | None:
    return None if tell is None else lambda alert: tell(*say(alert))


class _Planner:
    """Makes plans from settings; a platform whose table has not changed stays the object it is."""

    def __init__(self) -> None:
        self._built: dict[str, tuple[object, Platform]] = {}

    def platforms(self) -> dict[str, Platform]:
        """Give those of the last plan."""
        return {name: platform for name, (_, platform) in self._built.items()}

    def plan(self, settings: Settings) -> WorkerPlan:
        """Give the plan for new settings; where they are refused, what was built is still the last one's."""
        tell = _of_alerts(teller(settings))
        shared = (settings.real_sending, settings.public_url, tuple(settings.test_numbers))
        kept: dict[str, tuple[object, Platform]] = {}
        for name, platform in platforms_of(settings).items():
            # As read, so that a secret whose file has changed is a change too.
            made_from = (shared, read_table(name, settings.platforms[name]))
            before = self._built.get(name)
            kept[name] = before if before is not None and before[0] == made_from else (made_from, platform)
        self._built = kept
        return WorkerPlan(
            self.platforms(),
            build_routes(settings.platforms),
            rules_of(settings),
            tell,
        )
