"""One fault run: stage, load, faults, quiet, reconciliation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import asyncpg
from tests.faults import points
from tests.faults.driver import Driver, add_tokens
from tests.faults.idle import idle_workers
from tests.faults.proxy import Proxy
from tests.faults.reconcile import Verdict, reconcile
from tests.faults.saboteur import Saboteur
from tests.faults.world import World
from tests.support import bulk, rows
from tests.support.stage import Stage

from disparo.db.embedded import EmbeddedPostgres
from disparo.dispatch.bulk import RunOrder, Selection, store_run

WINDOW = 50
_QUIET_S = 180.0
#: A bulk run beside the faults is to last as long as they do; what is left of it then goes at least so fast.
_PER_SECOND_WITH_BULK, _SLOWEST_PER_S = 250.0, 100.0
_ANSWER_MS = 60
_BULK_DUE = date(2099, 1, 1)


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
    over_smpp: bool = False  # the platform is an SMSC
    bulk: int = 0  # messages of a bulk run that is under way meanwhile
    unlimited: bool = False  # slow answers hold that back, and no limit: starts then follow records
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
        latency_ms=_slow_answer_ms(plan) if plan.unlimited else _ANSWER_MS,
        per_second=_PER_SECOND_WITH_BULK if plan.bulk and not plan.unlimited else None,
        over_smpp=plan.over_smpp,
    )
    behind = stage.smsc_port if plan.over_smpp else stage.simulator_port
    platform = Proxy(lambda: asyncio.open_connection("127.0.0.1", behind))
    await platform.start()
    stage.platform_url, stage.platform_port = f"http://127.0.0.1:{platform.port}", platform.port
    database = await _before_database(stage)
    world = World(stage, plan.seed, postgres, platform, database, disk)
    async with stage:
        connection = await asyncpg.connect(dsn)
        await add_tokens(connection, plan.invoices + plan.bulk)
        driver = Driver(stage, plan.seed, plan.calls_per_s, plan.invoices)
        if plan.bulk:
            driver.accepted |= await _store_bulk(connection, plan)
        await connection.close()
        load = asyncio.create_task(driver.run())
        keeper = asyncio.create_task(world.keep())
        await asyncio.sleep(2)
        if plan.failpoints and plan.unlimited:
            await points.where_starts_follow(world)
        await Saboteur(world).spread(plan.faults, between_s=plan.between_s)
        if plan.failpoints:
            await points.each(world)
        driver.stop()
        await load
        await world.settled()
        settled_s = await _until_nothing_waits(world, _QUIET_S + plan.bulk / _SLOWEST_PER_S)
        keeper.cancel()
        connection = await asyncpg.connect(dsn)
        verdict = await reconcile(connection, driver.accepted, stage.simulator_log)
        seen_at_last = {
            "starts_with_records": await rows.starts_with_records(connection),
            "idle_workers": await idle_workers(stage, connection),
        }
        await connection.close()
        return {**_figures(plan, driver, world, verdict, settled_s), **seen_at_last}


def _slow_answer_ms(plan: Plan) -> int:
    """Give how long answers take where the windows of all workers together take as many as a limit let go."""
    return round(1000 * WINDOW * plan.workers / _PER_SECOND_WITH_BULK)


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


async def _store_bulk(connection: asyncpg.Connection, plan: Plan) -> dict[str, list[str]]:
    """Have a run of the invoices past the driver's queued; gives its phones by dispatch id, as a 200 would."""
    await connection.execute("UPDATE invoices SET due_date = $1 WHERE id > $2", _BULK_DUE, plan.invoices)
    async with connection.transaction():
        order = RunOrder(Selection(None, _BULK_DUE, _BULK_DUE), "ensaio")
        stored = await store_run(connection, order, bulk.SETTINGS)
    while await connection.fetchval("SELECT count(*) FROM messages") < plan.bulk:
        await asyncio.sleep(0.1)
    await bulk.open_now(connection)
    ids = range(plan.invoices + 1, plan.invoices + plan.bulk + 1)
    return {str(stored.dispatch_id): [f"119{number:08d}" for number in ids]}


async def _until_nothing_waits(world: World, patience_s: float) -> float:
    began = time.monotonic()
    while time.monotonic() - began < patience_s:
        found = await world.fetch(
            """SELECT (SELECT (SELECT count(*) FROM messages_waiting) + (SELECT count(*) FROM messages_in_hand))
                      + (SELECT count(*) FROM bulk_runs WHERE finished_at IS NULL) AS waiting"""
        )
        if not found[0]["waiting"]:
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
        "of_a_bulk_run": plan.bulk,
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
        "takeovers_without_database": len(score.takeovers_without_database_s),
        "takeover_without_database_max_s": round(max(score.takeovers_without_database_s, default=0.0), 2),
        "settled_after_load_s": round(settled_s, 1),
        "by_status": dict(verdict.by_status),
        "examples": (verdict.lost + verdict.contradictions)[:10],
    }


def broken_promises(figures: Mapping[str, Any], *, taken_over_s: float = 10.0) -> list[str]:
    """Name every promise that this run broke; `taken_over_s`: within it what a dead worker held is another's."""
    never = ("duplicates", "lost", "stuck", "contradictions", "held", "idle_workers")
    # No fault of ours is a reason to give one up: a run in which all were is not one that broke nothing.
    given_up = ("refused", "timed_out", "skipped", "cancelled")
    broken = [name for name in (*never, *given_up) if figures[name]]
    if not figures["adds_up"]:
        broken.append("adds_up")
    if figures["uncertain"] > figures["uncertain_bound"]:
        broken.append("uncertain")
    if figures["takeover_p99_s"] is not None and figures["takeover_p99_s"] >= taken_over_s:
        broken.append("takeover_p99_s")
    return broken
