"""One fault run: stage, load, faults, quiet, reconciliation."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from tests.faults.driver import Driver, add_tokens
from tests.faults.reconcile import Verdict, reconcile
from tests.faults.saboteur import Saboteur
from tests.support.stage import Stage

WINDOW = 50
_QUIET_S = 120.0


@dataclass(frozen=True)
class Plan:
    kills: int
    pauses: int
    failpoints: bool
    between_s: float
    seed: int
    calls_per_s: float = 30.0
    workers: int = 3
    invoices: int = 20_000


async def run(plan: Plan, *, dsn: str, folder: Path) -> dict[str, object]:
    """Do what the plan says on an empty database; gives the figures."""
    async with Stage(dsn, folder, workers_count=plan.workers) as stage:
        connection = await asyncpg.connect(dsn)
        try:
            await add_tokens(connection, plan.invoices)
            driver = Driver(stage, plan.seed, plan.calls_per_s, plan.invoices)
            saboteur = Saboteur(stage, connection, plan.seed)
            load = asyncio.create_task(driver.run())
            await asyncio.sleep(2)
            await saboteur.random_faults(kills=plan.kills, pauses=plan.pauses, between_s=plan.between_s)
            if plan.failpoints:
                await saboteur.each_failpoint("kill")
                await saboteur.each_failpoint("stop")
            driver.stop()
            await load
            await saboteur.settled()
            settled_s = await _until_nothing_waits(connection)
            verdict = await reconcile(connection, driver.accepted, stage.simulator_log)
            return _figures(plan, driver, saboteur, verdict, settled_s)
        finally:
            await connection.close()


async def _until_nothing_waits(connection: asyncpg.Connection) -> float:
    began = time.monotonic()
    while time.monotonic() - began < _QUIET_S:
        waiting = await connection.fetchval(
            "SELECT count(*) FROM messages WHERE status IN ('queued', 'claimed', 'sending')"
        )
        if not waiting:
            break
        await asyncio.sleep(0.2)
    return time.monotonic() - began


def _figures(
    plan: Plan, driver: Driver, saboteur: Saboteur, verdict: Verdict, settled_s: float
) -> dict[str, object]:
    score = saboteur.score
    takeovers = sorted(score.takeovers_s)
    status = verdict.by_status
    return {
        "seed": plan.seed,
        "window": WINDOW,
        "kills": score.kills,
        "kills_while_sending": score.kills_while_sending,
        "pauses": score.pauses,
        "failpoints": score.failpoints,
        "calls_with_200": len(driver.accepted),
        "calls_without_200": driver.refused_calls,
        "accepted": verdict.accepted,
        "sent": sum(status.get(name, 0) for name in ("accepted", "sent", "delivered", "undelivered")),
        "refused_or_timed_out": status.get("failed", 0),
        "skipped": status.get("skipped", 0),
        "cancelled": status.get("cancelled", 0),
        "held": status.get("held", 0),
        "uncertain": verdict.uncertain,
        "uncertain_bound": WINDOW * (score.kills + score.pauses),
        "duplicates": verdict.duplicates,
        "lost": len(verdict.lost),
        "stuck": verdict.waiting,
        "contradictions": len(verdict.contradictions),
        "received_by_platform": verdict.received,
        "states_match_platform": verdict.matches,
        "takeovers": len(takeovers),
        "takeover_p99_s": round(takeovers[int(len(takeovers) * 0.99)], 2) if takeovers else None,
        "takeover_max_s": round(takeovers[-1], 2) if takeovers else None,
        "settled_after_load_s": round(settled_s, 1),
        "by_status": status,
        "examples": (verdict.lost + verdict.contradictions)[:10],
    }


def broken_promises(figures: dict[str, object]) -> list[str]:
    """Name every promise that this run broke."""
    broken = [name for name in ("duplicates", "lost", "stuck", "contradictions", "held") if figures[name]]
    if figures["uncertain"] > figures["uncertain_bound"]:  # type: ignore[operator]
        broken.append("uncertain")
    if not figures["states_match_platform"]:
        broken.append("states_match_platform")
    slowest = figures["takeover_max_s"]
    if slowest is not None and slowest >= 10:  # type: ignore[operator]
        broken.append("takeover_max_s")
    return broken
