"""What a long text uses up of a limit that counts its parts."""

from __future__ import annotations

from uuid import uuid4

import pytest

from disparo.db.messages import Start
from disparo.dispatch.claims import Batch, Prepared
from disparo.dispatch.gate import RateGrant
from disparo.dispatch.rate_parts import RateParts, full_from
from disparo.domain.sms_text import SegmentProfile
from disparo.platforms.base import Capabilities

PARTS = Capabilities(per_second=1.0, limits_count_parts=True)


def items_of(*parts):
    return [
        Prepared(Start(number, uuid4(), "t", count), f"r{number}", "+5511988887777", 0, False, Batch(1), 0.0)
        for number, count in enumerate(parts)
    ]


@pytest.mark.parametrize(
    ("parts", "messages", "cost", "fitting"),
    [
        ((2, 2, 2), 2, 4, 2),
        ((2, 2, 2), 1, 2, 1),
        ((3, 1), 1, 1, 0),  # asked for in the name of another, before a longer one came
        ((1, 1, 1), 1, 3, 1),
        ((), 1, 3, 0),
    ],
)
def test_as_many_go_as_a_grant_has_slots_and_parts_for(parts, messages, cost, fitting):
    assert RateParts(PARTS).fitting(items_of(*parts), RateGrant(messages, cost, cost, 0.0, 1.0)) == fitting


@pytest.mark.parametrize(
    ("able", "costs"),
    [
        (PARTS, [3, 1]),
        (Capabilities(per_day=9, limits_count_parts=True), [3, 1]),
        (Capabilities(per_second=9.0), [1, 1]),
        (Capabilities(limits_count_parts=True), [1, 1]),  # what has no limit uses nothing up
    ],
)
def test_a_part_counts_where_the_platform_counts_parts(able, costs):
    assert RateParts(able).costs(items_of(3, 1)) == costs
    assert RateParts(able).of(items_of(3, 1)) == sum(costs)


@pytest.mark.parametrize(
    ("able", "full"),
    [
        (Capabilities(), None),
        (Capabilities(limits_count_parts=True), None),
        (Capabilities(per_day=9), 9),
        (Capabilities(per_day=9, limits_count_parts=True, profile=SegmentProfile(max_parts=3)), 7),
        (Capabilities(per_day=2, limits_count_parts=True, profile=SegmentProfile(max_parts=3)), 1),
    ],
)
def test_a_day_is_full_where_the_longest_text_has_no_room(able, full):
    assert full_from(able) == full
