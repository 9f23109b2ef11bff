"""Asks platforms for what they do not tell by themselves: receipts, credit, health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import asyncpg

from disparo.db import rate_limits, receipt_polls
from disparo.db.pool import Pool
from disparo.db.receipts import Told
from disparo.dispatch import receipts
from disparo.platforms.base import Capabilities, Health, NoAnswer, Platform

#: How long one round of questions may take; what is left waits for the next.
ROUND_S = 25.0
#: So many questions without an answer, one after the other, end a platform's round.
_UNANSWERED_AT_MOST = 5
_SLICE = 20_000
_SLICES = 50
#: Of what is due, to find one that still waits; more where the last look found none.
_LOOKED_AT, _LOOKED_AT_IN_VAIN = 200, 1_000


@dataclass(frozen=True, slots=True)
class Credit:
    """The credit left at a platform; `is_low`: below the limit that the administrator set."""

    platform: str
    amount: Decimal
    is_low: bool


async def poll_receipts(
    pool: Pool,
    platforms: Mapping[str, Platform],
    *,
    round_s: float = ROUND_S,
    is_used: Callable[[Platform], bool] = lambda _platform: True,
) -> int:
    """Ask for receipts that have been missing too long; gives how many answers told something new.

    Any number of workers may call it: each hand-over is asked about by one of them, and a platform's pause
    between two questions holds for all of them together. Answers are taken as receipts are. No connection
    is in hand while a platform is asked. One that `is_used` no more is closed, and every further question
    would be in vain.
    """
    able = {
        name: platform
        for name, platform in platforms.items()
        if platform.capabilities.poll_after_s is not None
    }
    if not able:
        return 0
    await _note(pool, {name: _after_s(platform.capabilities) for name, platform in able.items()})
    until = time.monotonic() + round_s
    told = await asyncio.gather(*(_ask_one(pool, name, each, until, is_used) for name, each in able.items()))
    return sum(told)


async def may_ask(pool: Pool, name: str, every_s: float, *, until: float) -> bool:
    """Wait for one's turn to ask a platform one question; False where it does not come in time."""
    while every_s > 0:
        async with pool.acquire() as connection:
            wait_s = await rate_limits.take(connection, f"poll:{name}", interval_s=every_s, burst=1)
        if wait_s <= 0:
            break
        if time.monotonic() + wait_s > until:
            return False
        await asyncio.sleep(wait_s)
    return True


async def read_credit(platforms: Mapping[str, Platform]) -> list[Credit]:
    """Ask every platform that can tell for its credit; those that do not answer are left out."""
    able = [platform for platform in platforms.values() if platform.capabilities.has_balance]
    found = await asyncio.gather(*(platform.balance() for platform in able))
    credit = []
    for platform, balance in zip(able, found, strict=True):
        low = platform.capabilities.low_balance
        if balance is not None:
            is_low = low is not None and balance.amount < low
            credit.append(Credit(platform.name, balance.amount, is_low))
    return credit


async def read_health(platforms: Mapping[str, Platform]) -> dict[str, Health]:
    """Ask every platform that can be asked whether it is there and knows us; nothing is sent."""
    able = [platform for platform in platforms.values() if platform.capabilities.has_health]
    found = await asyncio.gather(*(platform.health() for platform in able))
    return {platform.name: health for platform, health in zip(able, found, strict=True) if health}


async def _note(pool: Pool, after_s: Mapping[str, float]) -> None:
    async with pool.acquire() as connection:
        await receipt_polls.bring_back(connection, after_s)
    for _ in range(_SLICES):
        async with pool.acquire() as connection:
            if await receipt_polls.fill(connection, after_s, limit=_SLICE) < _SLICE:
                return


async def _ask_one(
    pool: Pool, name: str, platform: Platform, until: float, is_used: Callable[[Platform], bool]
) -> int:
    told = unanswered = 0
    able = platform.capabilities
    while time.monotonic() < until and await may_ask(pool, name, able.ask_every_s, until=until):
        if not is_used(platform):
            break
        row = await _next(pool, name, _after_s(able), until)
        if row is None:
            break
        answer = await platform.ask(row["reference"], row["platform_id"])
        if isinstance(answer, NoAnswer):
            async with pool.acquire() as connection:
                await receipt_polls.give_back(connection, row["attempt_id"], after_s=_after_s(able))
            unanswered += 1
            if unanswered == _UNANSWERED_AT_MOST:
                break
            continue
        unanswered = 0
        if answer is not None:
            told += await receipts.take_one(pool, Told(name, answer.event, answer.raw))
    return told


async def _next(pool: Pool, name: str, after_s: float, until: float) -> asyncpg.Record | None:
    """Take what is asked about next; None where nothing waits, or time is up.

    Most of what is due has its receipt after a large run: it is forgotten until one is met that has none.
    """
    look_at = _LOOKED_AT
    while time.monotonic() < until:
        async with pool.acquire() as connection:
            row = await receipt_polls.take(connection, name, after_s=after_s, look_at=look_at)
        if row["reference"] is not None:
            return row
        if not row["looked"]:
            break
        look_at = _LOOKED_AT_IN_VAIN
    return None


def _after_s(able: Capabilities) -> float:
    return able.poll_after_s or 0.0
