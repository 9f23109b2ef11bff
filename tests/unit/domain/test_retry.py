"""How long a message that was surely not taken waits before it is tried again."""

from __future__ import annotations

import pytest

from disparo.domain.outcome import FailureClass
from disparo.domain.retry import backoff_s


def pauses(failure=FailureClass.NETWORK, *, jitter=1.0, retry_after_s=None):
    return [
        backoff_s(tries, failure=failure, retry_after_s=retry_after_s, jitter=jitter) for tries in range(12)
    ]


def test_each_pause_is_twice_the_one_before_up_to_five_minutes():
    assert pauses() == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert backoff_s(1_000_000, failure=None, retry_after_s=None, jitter=1.0) == 300


@pytest.mark.parametrize("failure", [FailureClass.CREDIT, FailureClass.AUTH])
def test_what_a_person_must_see_to_is_asked_seldom_from_the_first(failure):
    assert pauses(failure)[:5] == [30, 60, 120, 240, 300]


def test_the_tries_of_many_are_spread_over_half_of_the_pause():
    assert pauses(jitter=0.0)[:4] == [0.5, 1, 2, 4]


def test_the_platforms_own_word_is_the_least_up_to_an_hour():
    assert pauses(retry_after_s=20)[3:7] == [20, 20, 32, 64]
    assert set(pauses(retry_after_s=100_000)) == {3600}
