"""HubSoft away for hours: what waits for it is looked at ever more rarely, and goes when it is back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.support.hubsoft_source import claimed

from disparo.dispatch import freshness
from disparo.dispatch.freshness import Freshness

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock(monkeypatch):
    """The seconds of a worker's monotonic clock."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(freshness, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


async def waits_s(asks, *, urgent=False):
    row = claimed(700_010, urgent=urgent)
    wait = (await asks.check([row])).waits.get(row["id"])
    return None if wait is None else (wait.until - row["now"]).total_seconds()


async def test_a_day_long_outage_is_not_looked_at_each_minute_for_each_message(
    there, sync, pool, clock, monkeypatch
):
    await sync.run()
    # Of a clock that is not waited for.
    monkeypatch.setattr("disparo.sources.hubsoft.backoff_s", lambda _tries: 0.0)
    there.fail_after = 0
    asks = Freshness(pool, {"hubsoft": sync}, max_age_s=1800, single_waits=True)
    ends_at, looks = clock.now + 86_400, 0
    while clock.now < ends_at:
        clock.now += await waits_s(asks)
        looks += 1
    assert looks < 200  # it was 1,440
    assert (await waits_s(asks), await waits_s(asks, urgent=True)) == (600.0, 60.0)
    there.fail_after = None
    clock.now += 600
    assert await waits_s(asks) is None


async def test_a_short_outage_costs_a_minute_also_hours_after_another(there, sync, pool, clock):
    await sync.run()
    asks = Freshness(pool, {"hubsoft": sync}, max_age_s=1800)
    for _ in range(2):
        there.fail_after = 0
        assert await waits_s(asks) == 60.0
        there.fail_after = None
        clock.now += 7200  # nobody asks meanwhile, and does not see that it is back
