"""Deletes what has been kept long enough, in slices so small that nobody waits for them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from disparo.db import prune
from disparo.db.pool import Connection, Pool
from disparo.dispatch.rounds import go_round

log = structlog.get_logger(__name__)

_SLICE = 1000
#: A round takes no longer; what is left is for the next one.
_ROUND_S = 20.0
#: Between two slices, so that senders never wait behind one after the other.
_PAUSE_S = 0.05

_Slice = Callable[[Connection], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days texts (with answers and raw receipts) and evidence (the rest) are kept. 0: always."""

    text_days: int = 90
    evidence_days: int = 1826


async def prune_some(pool: Pool, retention: Retention) -> dict[str, int]:
    """Delete for one round, in one process at a time; gives the number of rows by kind.

    Nothing goes while the clock may be wrong.
    """
    async with pool.acquire() as connection, connection.transaction():
        if not (await prune.is_our_turn(connection) and await prune.is_clock_steady(connection)):
            return {}
    until = time.monotonic() + _ROUND_S
    done: dict[str, int] = {}

    async def part(name: str, work: _Slice) -> None:
        if count := await _in_slices(pool, work, until):
            done[name] = count

    jobs = _jobs(retention)
    # In any order: one that takes all the time there is, in each round, must not always come first.
    await go_round(
        {f"prune {name}": partial(part, name, work) for name, work in random.sample(jobs, len(jobs))}
    )
    if done:
        log.info("pruned", **done)
    return done


def _jobs(retention: Retention) -> list[tuple[str, _Slice]]:
    jobs: list[tuple[str, _Slice]] = [(what, _expired(what)) for what in prune.SHORT_LIVED]
    if retention.text_days:
        jobs += [(what, _texts(what, retention.text_days)) for what in prune.TEXTS]
    if retention.evidence_days:
        days = retention.evidence_days
        jobs += [
            ("dispatches", lambda c: prune.delete_old_dispatches(c, days=days, limit=_SLICE)),
            *((table, _evidence(table, days)) for table in prune.EVIDENCE),
            ("bad_numbers", lambda c: prune.delete_old_marks(c, days=days, limit=_SLICE)),
        ]
    return jobs


def _expired(what: str) -> _Slice:
    return lambda connection: prune.delete_expired(connection, what, _SLICE)


def _texts(what: str, days: int) -> _Slice:
    return lambda connection: prune.empty_texts(connection, what, days=days, limit=_SLICE)


def _evidence(table: str, days: int) -> _Slice:
    return lambda connection: prune.delete_old_evidence(connection, table, days=days, limit=_SLICE)


async def _in_slices(pool: Pool, work: _Slice, until: float) -> int:
    total = 0
    while time.monotonic() < until:
        async with pool.acquire() as connection, connection.transaction():
            count = await work(connection) if await prune.is_our_turn(connection) else 0
        total += count
        if count < _SLICE:
            break
        await asyncio.sleep(_PAUSE_S)
    return total
