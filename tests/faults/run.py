"""One fault run: stage, load, faults, quiet, reconciliation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import asyncpg
from tests.faults import points
from tests.faults.driver import Driver, add_tokens
from tests.faults.proxy import Proxy
from tests.faults.reconcile import Verdict, reconcile
from tests.faults.saboteur import Saboteur
from tests.faults.world import World
from tests.support.stage import Stage

from disparo.db.embedded import EmbeddedPostgres

WINDOW = 50
_QUIET_S = 180.0


@dataclass(frozen=True)
class Plan:
    faults: Mapping[str, int]
    seed: int
    between_s: float = 1.2
    failpoints: bool = False
    calls_per_s: float = 30.0
    workers: int = 3
    servers: int = 1
    invoices: int = 60_000
    worker_environments: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


async def run(
    plan: Plan, *, dsn: str, folder: Path, postgres: EmbeddedPostgres | None = None, disk: Path | None = None
) -> dict[str, Any]:
    """Do what the plan says on an empty database; gives the figures."""
    stage = Stage(
        dsn,
        folder,
        workers_count=plan.workers,
        servers_count=plan.servers,
        worker_environments=plan.worker_environments,
    )
    platform = Proxy(lambda: asyncio.open_connection("127.0.0.1", stage.simulator_port))
    await platform.start()
    stage.platform_url = f"http://127.0.0.1:{platform.port}"
    database = await _before_database(stage)
    world = World(stage, plan.seed, postgres, platform, database, disk)
    async with stage:
        connection = await asyncpg.connect(dsn)
        await add_tokens(connection, plan.invoices)
        await connection.close()
        driver = Driver(stage, plan.seed, plan.calls_per_s, plan.invoices)
        load = asyncio.create_task(driver.run())
        keeper = asyncio.create_task(world.keep())
        await asyncio.sleep(2)
        await Saboteur(world).spread(plan.faults, between_s=plan.between_s)
        if plan.failpoints:
            await points.each(world)
        driver.stop()
        await load
        await world.settled()
        settled_s = await _until_nothing_waits(world)
        keeper.cancel()
        connection = await asyncpg.connect(dsn)
        verdict = await reconcile(connection, driver.accepted, stage.simulator_log)
        await connection.close()
        return _figures(plan, driver, world, verdict, settled_s)


async def _before_database(stage: Stage) -> Proxy | None:
    """Put a proxy before a database that listens on a unix socket."""
    parts = urlsplit(stage.dsn)
    query = dict(parse_qsl(parts.query))
    if not query.get("host", "").startswith("/"):
        return None
    socket = f"{query['host']}/.s.PGSQL.{query.get('port', '5432')}"
    proxy = Proxy(lambda: asyncio.open_unix_connection(socket))
    await proxy.start()
    stage.process_dsn = f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{proxy.port}{parts.path}"
    return proxy


async def _until_nothing_waits(world: World) -> float:
    began = time.monotonic()
    while time.monotonic() - began < _QUIET_S:
        rows = await world.fetch(
            "SELECT count(*) AS waiting FROM messages WHERE status IN ('queued', 'claimed', 'sending')"
        )
        if not rows[0]["waiting"]:
            break
        await asyncio.sleep(0.2)
    return time.monotonic() - began


def _figures(plan: Plan, driver: Driver, world: World, verdict: Verdict, settled_s: float) -> dict[str, Any]:
    score, fates = world.score, verdict.fates
    takeovers = sorted(score.takeovers_s)
    return {
        "seed": plan.seed,
        "window": WINDOW,
        "kills": score.done["kill"],
        "kills_while_sending": score.kills_while_sending,
        "pauses": score.done["pause"],
        "cuts": score.cuts,
        "platform_restarts": score.done["platform_restart"],
        "faults": dict(score.done),
        "failpoints": score.failpoints,
        "not_done": score.skipped,
        "processes_that_ended_by_themselves": world.fell_alone,
        "calls_with_200": len(driver.accepted),
        "calls_without_200": driver.without_200,
        "accepted": verdict.accepted,
        **{name: fates[name] for name in ("sent", "refused", "timed_out", "skipped", "cancelled", "held")},
        "uncertain": verdict.by_status["uncertain"],
        "uncertain_bound": WINDOW * score.uncertain_sources,
        "uncertain_share": round(verdict.by_status["uncertain"] / max(1, verdict.accepted), 5),
        "duplicates": verdict.duplicates,
        "lost": len(verdict.lost),
        "stuck": fates["waiting"],
        "contradictions": len(verdict.contradictions),
        "adds_up": verdict.adds_up,
        "stored_without_200": verdict.without_200,
        "received_by_platform": verdict.received,
        "takeovers": len(takeovers),
        "takeover_p99_s": round(takeovers[int(len(takeovers) * 0.99)], 2) if takeovers else None,
        "takeover_max_s": round(takeovers[-1], 2) if takeovers else None,
        "settled_after_load_s": round(settled_s, 1),
        "by_status": dict(verdict.by_status),
        "examples": (verdict.lost + verdict.contradictions)[:10],
    }


def broken_promises(figures: Mapping[str, Any]) -> list[str]:
    """Name every promise that this run broke."""
    broken = [name for name in ("duplicates", "lost", "stuck", "contradictions", "held") if figures[name]]
    if not figures["adds_up"]:
        broken.append("adds_up")
    if figures["uncertain"] > figures["uncertain_bound"]:
        broken.append("uncertain")
    if figures["takeover_p99_s"] is not None and figures["takeover_p99_s"] >= 10:
        broken.append("takeover_p99_s")
    return broken
