"""The short form of `./dev rates`: a worker killed with the whole window, and meanwhile a limit per second."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from tests.rates import cases
from tests.rates.yard import Yard
from tests.support.arrivals import Log, in_flight, largest_within

_WINDOW, _PER_SECOND = 10, 50


@pytest.mark.slow
def test_limits_hold_over_four_workers_one_of_them_killed(new_database):
    dsn, folder = new_database(), Path(tempfile.mkdtemp(prefix="disparo-rates-"))

    async def both():
        async with Yard(dsn, folder) as yard:
            await yard.open(
                {
                    "janela": {"window": _WINDOW, "ddds": [21]},
                    "ritmo": {"per_second": _PER_SECOND, "ddds": [11]},
                }
            )
            killed = asyncio.create_task(cases.window_killed(yard, _WINDOW, ddd=21))
            await yard.until(lambda: killed.done() or (yard.workers[0].process and not yard.workers[0].lives))
            return await cases.per_second(yard, _PER_SECOND, seconds=4), await killed

    rate, window = asyncio.run(both())
    # Beside other tests the simulated platform itself reads late, several at once (1.16 was seen); workers that did
    # not share the limit would give 2 to 4. That it is kept to the message, and how much of it is used, ./dev rates
    # tells on a machine that is free.
    assert rate["largest_second_over_limit"] <= 1.5
    assert rate["share_used"] > 0.2
    assert window["in_flight_when_killed"] == _WINDOW
    assert window["most_in_flight"] <= _WINDOW
    assert 2 < window["used_again_s"] < 60  # that they come back; how soon, ./dev rates tells
    shutil.rmtree(folder, ignore_errors=True)


def test_the_judge_sees_the_largest_second_wherever_it_begins():
    assert largest_within([0.0, 0.5, 0.9, 1.4, 1.45, 2.2], 1.0) == 4
    assert largest_within([], 1.0) == 0


def test_the_judge_counts_what_is_in_flight_at_the_platform():
    log = Log(Path("none"), arrived={"a": 1.0, "b": 1.5, "c": 2.0}, answered={"a": 2.0, "b": 3.0})
    assert in_flight(log, "abc", until=9.0) == [(1.0, 1), (1.5, 2), (2.0, 1), (2.0, 2), (3.0, 1), (9.0, 0)]
