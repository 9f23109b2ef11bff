"""What a long text takes of a limit that counts its parts: all of it before it goes, and never more."""

from __future__ import annotations

from uuid import uuid4

import pytest

from disparo.db.messages import Start
from disparo.dispatch.claims import Batch, Prepared
from disparo.dispatch.gate import RateGrant
from disparo.dispatch.line import Line
from disparo.dispatch.rate_parts import PartsGrant, RateParts
from disparo.platforms.base import Capabilities

pytestmark = pytest.mark.anyio
PARTS = Capabilities(per_second=1.0, limits_count_parts=True)


class Slow:
    """Grants what it was told to, one grant after the other; notes what was asked."""

    def __init__(self, *counts):
        self.counts = list(counts)
        self.asked = []

    async def moments(self, wanted, **_how):
        self.asked.append(wanted)
        count = self.counts.pop(0)
        return RateGrant(count, 0.0, 1.0, day_full_s=0.0 if count else 60.0)


def line_of(*parts, urgent=False):
    line = Line(100)
    for number, count in enumerate(parts):
        start = Start(number, uuid4(), "t", count)
        line.add([Prepared(start, f"r{number}", "+5511988887777", 0, urgent, Batch(1), 0.0)])
    return line


async def test_a_long_text_waits_for_all_its_moments():
    gate, line = Slow(1, 1, 1), line_of(3, 1)
    rate_parts = RateParts(gate, PARTS)
    granted = await rate_parts.ask(line, 2, urgent=False)
    assert gate.asked == [4, 2, 1]
    assert (granted.grant.count, granted.ahead, granted.moments) == (1, 2, 3)
    assert rate_parts.fitting(line, granted) == (1, 2)


async def test_what_was_let_pass_for_a_long_text_is_of_no_use_to_a_short_one():
    rate_parts, line = RateParts(Slow(), PARTS), line_of(3)
    granted = PartsGrant(RateGrant(1, 0.0, 1.0), ahead=2)
    line.add(line_of(1, 1, urgent=True).take(2))
    assert rate_parts.fitting(line, granted) == (1, 0)
    assert rate_parts.fitting(line_of(), granted) == (0, 0)


async def test_as_many_go_as_have_their_moments():
    gate, line = Slow(5), line_of(2, 2, 2)
    rate_parts = RateParts(gate, PARTS)
    granted = await rate_parts.ask(line, 3, urgent=False)
    assert (gate.asked, rate_parts.fitting(line, granted)) == ([6], (2, 0))
    assert rate_parts.of(line.first(3)) == 6


async def test_a_day_that_ends_among_the_parts_sends_none_of_them():
    granted = await RateParts(Slow(1, 0), PARTS).ask(line_of(3), 1, urgent=False)
    assert (granted.grant.count, granted.ahead) == (0, 1)
    assert granted.grant.day_full_s


@pytest.mark.parametrize("able", [Capabilities(per_second=9.0), Capabilities(limits_count_parts=True)])
async def test_elsewhere_each_message_is_one(able):
    gate, line = Slow(2), line_of(3, 3)
    rate_parts = RateParts(gate, able)
    granted = await rate_parts.ask(line, 2, urgent=False)
    assert (gate.asked, rate_parts.fitting(line, granted), rate_parts.of(line.first(2))) == ([2], (2, 0), 2)
