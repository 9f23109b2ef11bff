"""Moments that were missed are lost; the messages that missed them are not, and ask together."""

from __future__ import annotations

import asyncio
import time

import pytest

from disparo.dispatch.gate import RateGrant
from disparo.dispatch.write_timer import WriteTimer
from disparo.platforms.base import boottime_s

pytestmark = pytest.mark.anyio


class OpenGate:
    """Grants whatever is asked for, `in_s` seconds from now; notes what was asked and given back."""

    def __init__(self, in_s=0.0):
        self.in_s = in_s
        self.asked = []
        self.given_back = 0

    async def moments(self, wanted, **_how):
        self.asked.append(wanted)
        return RateGrant(wanted, time.monotonic() + self.in_s, 0.0)

    async def give_back(self, _grant, count):
        self.given_back += count


def soon():
    return boottime_s() + 10.0


async def test_those_who_missed_their_moments_ask_for_others_together():
    gate = OpenGate()
    turns = WriteTimer(gate).line_up(RateGrant(50, time.monotonic() - 1.0, 0.0), [1] * 50, deadline_s=soon())
    assert all(await asyncio.gather(*turns))
    assert (gate.asked, gate.given_back) == ([50], 50)


async def test_who_missed_a_moment_takes_the_next_one():
    gate = OpenGate(in_s=0.5)
    timer = WriteTimer(gate)
    first, second = timer.line_up(RateGrant(2, time.monotonic() - 0.95, 1.0), [1] * 2, deadline_s=soon())
    assert await first
    assert not second.done()
    assert gate.asked in ([], [1])
    assert await second


async def test_an_earlier_moment_that_comes_later_is_not_slept_through():
    timer = WriteTimer(OpenGate())
    (first,) = timer.line_up(RateGrant(1, time.monotonic() + 30.0, 0.0), [1], deadline_s=soon())
    await asyncio.sleep(0)
    timer.line_up(RateGrant(20, time.monotonic() + 0.01, 0.05), [1] * 20, deadline_s=soon())
    async with asyncio.timeout(5):
        assert await first  # who is first in line takes it, whoever brought it


async def test_nobody_is_let_go_past_the_deadline():
    (turn,) = WriteTimer(OpenGate()).line_up(
        RateGrant(1, time.monotonic(), 0.0), [1], deadline_s=boottime_s() - 1
    )
    assert await turn is None


async def test_who_lines_up_while_the_last_moments_are_given_back_is_let_go():
    class Slow(OpenGate):
        async def give_back(self, _grant, _count):
            await asyncio.sleep(0.05)

    timer = WriteTimer(Slow())
    missed = RateGrant(1, time.monotonic() - 1.0, 0.0)
    (first,) = timer.line_up(missed, [1], deadline_s=boottime_s() - 1)
    await first
    async with asyncio.timeout(5):
        (second,) = timer.line_up(missed, [1], deadline_s=soon())
        assert await second


async def let_go(timer, began, weights):
    at = []
    for turn in timer.line_up(RateGrant(5, began, 0.1), weights, deadline_s=soon()):
        assert await turn
        at.append(time.monotonic() - began)
    return at


async def test_who_takes_several_moments_goes_at_the_first_and_nobody_at_the_others():
    near = [pytest.approx(0.0, abs=0.05), pytest.approx(0.3, abs=0.05), pytest.approx(0.4, abs=0.05)]
    for _ in range(5):  # whom other programs hold up misses a moment, and goes at another
        timer, began = WriteTimer(OpenGate(in_s=0.1)), time.monotonic()
        if (at := await let_go(timer, began, [3, 1, 2])) == near:
            break
    assert at == near
    # Its second part is owed by whoever comes next.
    (late,) = timer.line_up(RateGrant(2, time.monotonic() + 0.2, 0.1), [1], deadline_s=soon())
    assert await late
    assert time.monotonic() - began > 0.4 + 0.2
