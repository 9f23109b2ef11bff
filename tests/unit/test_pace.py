"""Batches keep apart while work comes in crowds; who asks one thing after the other waits for nothing."""

from __future__ import annotations

import pytest

from disparo.dispatch import pace as module
from disparo.dispatch.pace import CROWD, Pace

pytestmark = pytest.mark.anyio


class Clock:
    """A loop's, which goes only while somebody sleeps: whatever else a busy machine is slow at takes no time."""

    now = 1000.0

    def get_running_loop(self):
        return self

    def time(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "asyncio", clock)
    return clock


async def taken(pace, waiting=lambda: 0):
    began = module.asyncio.time()
    await pace.wait(waiting)
    return module.asyncio.time() - began


async def test_after_a_crowd_the_next_waits_for_the_rest_of_the_time():
    pace = Pace(0.2, enough=10)
    assert await taken(pace) < 0.1
    pace.begin(CROWD)
    assert await taken(pace) > 0.1
    pace.begin(1)
    assert await taken(pace) < 0.1


async def test_one_after_the_other_waits_for_nothing():
    pace = Pace(5.0, enough=10)
    pace.begin(CROWD - 1)
    assert await taken(pace) < 1


async def test_it_begins_as_soon_as_enough_have_come():
    pace, waiting = Pace(5.0, enough=3), iter(range(100))
    pace.begin(CROWD)
    assert await taken(pace, lambda: next(waiting)) < 1


async def test_without_a_distance_nothing_waits():
    pace = Pace(0.0, enough=10)
    pace.begin(CROWD)
    assert await taken(pace) < 0.1


async def test_callers_that_are_all_back_wait_for_nobody_else_and_a_stranger_changes_nothing():
    pace = Pace(5.0, enough=16)
    for _ in range(40):  # as many batches as are remembered, and more
        pace.begin(3)
    assert await taken(pace, lambda: 2) < 1  # one is in hand
    pace.begin(7)
    assert await taken(pace, lambda: 2) < 1


async def test_calls_that_come_evenly_wait_for_the_time():
    pace = Pace(0.2, enough=16)
    for size in (3, 5, 7, 9) * 8:
        pace.begin(size)
    assert await taken(pace, lambda: 5) > 0.1
    pace.begin(3)
    assert await taken(pace, lambda: 6) < 0.1


async def test_more_than_enough_is_enough():
    pace = Pace(5.0, enough=3)
    for _ in range(40):
        pace.begin(10)
    assert await taken(pace, lambda: 2) < 1
