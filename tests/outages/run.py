"""One run: a steady stream of calls, one outage after the other, a reconciliation after each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import asyncpg
from tests.faults.driver import Driver, add_tokens
from tests.faults.reconcile import Verdict, reconcile
from tests.outages.judge import LONGEST_RECOVERY_S, Phases, counted, judged, recovered_at
from tests.outages.kinds import Outage
from tests.outages.pair import ILL, Pair
from tests.support.arrivals import Log, within

_QUIET_S = 90.0
#: As few are no measure of a load, and more than none.
_SOME = 5
#: Less is over before anybody could have gone elsewhere.
_WORTH_FAILING_OVER_S = 2.5
_ACCEPTED = """SELECT extract(epoch FROM created_at)::float8 AS at FROM messages
               WHERE created_at >= to_timestamp($1) ORDER BY 1"""
_STARTED = """SELECT extract(epoch FROM started_at)::float8 AS at FROM attempts
              WHERE started_at >= to_timestamp($1) AND platform = $2 ORDER BY 1"""
_COUNTS = ("duplicates", "lost", "contradictions", "waiting", "uncertain", "calls_without_200")


@dataclass(frozen=True)
class Plan:
    """`settle_s` of load come first, then `before_s` that are measured, the outage, and `after_s` once it is over."""

    outages: Sequence[Outage]
    calls_per_s: float = 50.0
    workers: int = 4
    settle_s: float = 2.0
    before_s: float = 10.0
    during_s: float = 20.0
    after_s: float = 4.0
    own_names: bool = False


class Run:
    def __init__(self, plan: Plan, pair: Pair, connection: asyncpg.Connection, driver: Driver) -> None:
        self._plan = plan
        self._pair = pair
        self._connection = connection
        self._driver = driver
        self._logs = {name: Log(path) for name, path in pair.logs.items()}
        self._counts = dict.fromkeys(_COUNTS, 0)

    async def suffer(self, outage: Outage) -> dict[str, Any]:
        """Let the ill platform suffer one outage under load; gives its figures."""
        plan = self._plan
        load = asyncio.create_task(self._driver.run())
        await self._both_used_for(plan.settle_s)
        steady_at = time.time()
        await self._both_used_for(plan.before_s)
        begun_at = time.time()
        await outage.begin(self._pair)
        await asyncio.sleep(plan.during_s if outage.lasts_s is None else outage.lasts_s)
        await outage.end(self._pair)
        ended_at = time.time()
        usual = within(self._logs[ILL].read_on().taken, steady_at, begun_at) / (begun_at - steady_at)
        await self._used_again(ended_at, usual)
        over_at = time.time()
        self._driver.stop()
        await load
        phases = Phases(steady_at, begun_at, ended_at, over_at)
        waited_s = await self._until_nothing_waits()
        taken = {name: log.read_on().taken for name, log in self._logs.items()}
        calls = await self._moments(_ACCEPTED, steady_at)
        return {
            "calls": counted(calls, phases),
            **judged(taken, await self._moments(_STARTED, begun_at, ILL), phases, calls=calls),
            **await self._counted(),
            "outcomes_of_the_ill": await self._outcomes(begun_at, ended_at),
            "waited_after_load_s": round(waited_s, 1),
            "needs_failover": ended_at - begun_at > _WORTH_FAILING_OVER_S,
        }

    async def _both_used_for(self, seconds: float) -> None:
        """Let so much time pass, and more until both platforms have taken some: a busy machine begins late."""
        since = time.time()
        await asyncio.sleep(seconds)
        async with asyncio.timeout(_QUIET_S):
            while any(within(log.read_on().taken, since, inf) < _SOME for log in self._logs.values()):
                await asyncio.sleep(0.05)

    async def _used_again(self, ended_at: float, usual: float) -> None:
        deadline = time.monotonic() + LONGEST_RECOVERY_S + 2
        while time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            if recovered_at(self._logs[ILL].read_on().taken, ended_at, usual):
                await asyncio.sleep(self._plan.after_s)
                return

    async def _until_nothing_waits(self) -> float:
        began = time.monotonic()
        query = "SELECT EXISTS (SELECT FROM messages WHERE status IN ('queued', 'claimed', 'sending'))"
        while time.monotonic() - began < _QUIET_S and await self._connection.fetchval(query):
            await asyncio.sleep(0.2)
        return time.monotonic() - began

    async def _moments(self, query: str, since: float, *arguments: str) -> list[float]:
        rows = await self._connection.fetch(query, since, *arguments)
        return [row["at"] for row in rows]

    async def _outcomes(self, begun_at: float, ended_at: float) -> dict[str, int]:
        rows = await self._connection.fetch(
            """SELECT concat_ws(':', outcome, failure) AS outcome, count(*) AS count FROM attempts
               WHERE platform = $1 AND started_at >= to_timestamp($2) AND started_at < to_timestamp($3)
               GROUP BY 1 ORDER BY 2 DESC""",
            ILL,
            begun_at,
            ended_at,
        )
        return {row["outcome"]: row["count"] for row in rows}

    async def _counted(self) -> dict[str, Any]:
        """Give what this outage added to the counts of the whole run."""
        verdict = await reconcile(self._connection, self._driver.accepted, *self._pair.logs.values())
        counts = _counts(verdict, self._driver)
        before, self._counts = self._counts, counts
        return {name: counts[name] - before[name] for name in _COUNTS} | {
            "examples": (verdict.lost + verdict.contradictions)[-5:]
        }


def _counts(verdict: Verdict, driver: Driver) -> dict[str, int]:
    return {
        "duplicates": verdict.duplicates,
        "lost": len(verdict.lost),
        "contradictions": len(verdict.contradictions),
        "waiting": verdict.fates["waiting"],
        "uncertain": verdict.by_status["uncertain"],
        "calls_without_200": driver.without_200,
    }


async def run(plan: Plan, *, dsn: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Go through the plan's outages on an empty database; gives the figures by outage."""
    figures = {}
    longest_s = plan.settle_s + plan.before_s + plan.during_s + LONGEST_RECOVERY_S + plan.after_s + 20
    async with Pair(dsn, folder, workers=plan.workers, own_names=plan.own_names) as pair:
        connection = await asyncpg.connect(dsn)
        invoices = int(plan.calls_per_s * longest_s * len(plan.outages))
        await add_tokens(connection, invoices)
        driver = Driver(pair.stage, 1, plan.calls_per_s, invoices, most_extra=0)
        each = Run(plan, pair, connection, driver)
        for outage in plan.outages:
            figures[outage.name] = await each.suffer(outage)
            print(f"{outage.name}: {figures[outage.name]}", flush=True)
        await connection.close()
    return figures
