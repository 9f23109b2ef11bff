"""Limits over several processes: slices under fast limits, single places under slow ones."""

from __future__ import annotations

import asyncio
import time

import pytest

from disparo.auth.throttle import Throttle, TooMany
from disparo.db import rate_limits

pytestmark = pytest.mark.anyio


@pytest.fixture
def asked(monkeypatch):
    """How often the database was asked."""
    calls = []
    take = rate_limits.take

    async def counted(*arguments, **kwargs):
        calls.append(kwargs)
        return await take(*arguments, **kwargs)

    monkeypatch.setattr(rate_limits, "take", counted)
    return calls


async def passes(throttle, **limit):
    try:
        await throttle.take("client", "1", **limit)
    except TooMany as refusal:
        return 0 if refusal.wait_s >= 1 else -1000
    return 1


async def test_two_processes_together_pass_no_more_than_the_limit_and_ask_seldom(pool, asked):
    two = [Throttle(pool), Throttle(pool)]
    limit = {"per_s": 400.0, "burst": 640}
    began, passed, called = time.monotonic(), 0, 0
    while time.monotonic() - began < 1.5 or called <= passed:  # so long, and until the limit is really met
        passed += sum(await asyncio.gather(*(passes(each, **limit) for each in two for _ in range(80))))
        called += 160
        await asyncio.sleep(0.005)
    most = 640 + 400 * (time.monotonic() - began) + 2 * 20
    assert 640 <= passed <= most
    assert len(asked) < passed / 4


async def test_under_a_slow_limit_no_place_is_lost_between_processes(pool):
    four = [Throttle(pool) for _ in range(4)]
    limit = {"per_s": 0.01, "burst": 12}
    assert sum([await passes(four[number % 4], **limit) for number in range(40)]) == 12


async def test_a_refused_caller_costs_the_database_nothing(pool, asked):
    throttle = Throttle(pool)
    limit = {"per_s": 0.01, "burst": 1}
    assert [await passes(throttle, **limit) for _ in range(50)] == [1] + [0] * 49
    assert len(asked) == 2


async def test_with_limits_off_nothing_is_asked(pool, asked):
    await Throttle(pool).take("client", "1", per_s=0, burst=1)
    assert asked == []


async def test_other_limits_count_at_once(pool):
    throttle = Throttle(pool)
    assert [await passes(throttle, per_s=0.01, burst=1) for _ in range(2)] == [1, 0]
    assert await passes(throttle, per_s=1000.0, burst=1000) in (0, 1)
    await throttle.take("client", "1", per_s=0, burst=1)
