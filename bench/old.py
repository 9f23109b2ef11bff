"""`./dev bench antigas [--antigas N] [--rodadas N] [--json FILE]`: rates beside ten million old messages.

Two houses, each with a database of its own: one beside ten thousand old messages with their attempts and
receipts, one beside N. In turn: end to end (calls over HTTP until every message is delivered, receipt
applied), then, workers away, a bulk run of 100,000 queued. The rate beside many is divided by that beside
few; the lower of the two shares is `rate_10m_vs_10k` (docs/delivery.md §9.8).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
from tests.support.stage import Stage

from bench import house
from bench.accepting import CONNECTIONS
from bench.bulk import forget_runs, queue_run
from bench.history import add_history, add_register
from bench.machine import tell
from bench.wrk import drive
from disparo.db.pool import open_pool
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_queue import read_numbers

FEW = 10_000
_RUN = 100_000
_FIRST = 10_000_000  # the run's invoices, beside those that are called for
_DUE = date(2099, 1, 1)
_PATIENCE_S = 300.0
_BEGUN = "SELECT coalesce(max(id), 0) FROM messages"


@dataclass
class _House:
    """One of the two, running; `rates` by what was measured."""

    old: int
    dsn: str
    stage: Stage
    place: Path
    rates: dict[str, list[float]] = field(default_factory=dict)


def _make(stack: ExitStack, place: Path, old: int) -> _House:
    place.mkdir(mode=0o711)
    dsn, built, _ = house.with_stand_in(stack, place)
    began = time.monotonic()
    asyncio.run(_fill(dsn, old))
    print(f"{old} mensagens antigas em {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return _House(old, dsn, built, place)


async def _fill(dsn: str, old: int) -> None:
    connection = await asyncpg.connect(dsn)
    await add_history(connection, old)
    await add_register(connection, _RUN, first=_FIRST, due=_DUE)
    await connection.close()
    async with open_pool(dsn, size=2) as pool:
        await read_numbers(pool)


def _end_to_end(one: _House, seconds: float) -> float:
    newest = house.ask(one.dsn, _BEGUN)
    waiting = f"SELECT count(*) FROM messages WHERE id > {newest} AND status <> 'delivered'"
    began = time.time()
    outcome = drive(house.target(one.stage), one.place, connections=CONNECTIONS, seconds=seconds)
    while house.ask(one.dsn, waiting):
        if time.time() - began > _PATIENCE_S:
            raise RuntimeError("what was accepted did not get through in time")
        time.sleep(0.05)  # between two looks
    return outcome.accepted / (time.time() - began)


async def _queue(dsn: str) -> float:
    async with open_pool(dsn, size=4) as pool:
        _, took = await queue_run(pool, Selection(None, _DUE, _DUE))
        async with pool.acquire() as connection:
            await forget_runs(connection)
    return _RUN / took


def _rounds(houses: list[_House], rounds: int, what: str, rate_of: Callable[[_House], float]) -> None:
    for turn in range(rounds + 1):  # the first one only warms up
        for one in houses:
            rate = round(rate_of(one), 1)
            if turn:
                one.rates.setdefault(what, []).append(rate)
            print(f"{what} ao lado de {one.old}: {rate}/s", file=sys.stderr, flush=True)


def measure(stack: ExitStack, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    houses = [_make(stack, folder / str(old), old) for old in (FEW, options.antigas)]
    _rounds(houses, options.rodadas, "end_to_end", lambda one: _end_to_end(one, options.segundos))
    for one in houses:
        one.stage.roles["worker0"].stop()  # it would queue and hand over the runs as well
    _rounds(houses, options.rodadas, "queuing", lambda one: asyncio.run(_queue(one.dsn)))
    few, many = houses
    shares = {
        what: round(statistics.median(many.rates[what]) / statistics.median(few.rates[what]), 3)
        for what in few.rates
    }
    return {
        "rate_10m_vs_10k": min(shares.values()),
        "shares": shares,
        "rates_by_old_messages": {one.old: one.rates for one in houses},
        "database_gb": {
            one.old: round(house.ask(one.dsn, "SELECT pg_database_size(current_database())") / 1e9, 2)
            for one in houses
        },
        "load": os.getloadavg(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench antigas", description="Ao lado de muitas antigas.")
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    parser.add_argument("--antigas", type=int, default=10_000_000)
    parser.add_argument("--rodadas", type=int, default=7)
    parser.add_argument("--segundos", type=float, default=4.0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="disparo-bench-"))
    folder.chmod(0o711)
    try:
        with ExitStack() as stack:
            found = measure(stack, folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tell(found, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
