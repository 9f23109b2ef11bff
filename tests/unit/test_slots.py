"""Calls of a crowd share chunks; whoever comes alone waits for no slot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from disparo.dispatch.slots import Slots

NOW = datetime(2026, 11, 26, 12, 0, 0, 1000, tzinfo=UTC)
MS = timedelta(milliseconds=1)


def test_one_that_comes_alone_goes_at_once():
    assert Slots().due(NOW, NOW, calls=1) == NOW


def test_a_crowd_waits_for_the_end_of_its_slot():
    due = Slots().due(NOW, NOW, calls=30)
    assert due == Slots().due(NOW + 20 * MS, NOW + 20 * MS, calls=30)
    assert due != Slots().due(NOW + 40 * MS, NOW + 40 * MS, calls=30)  # its entry may be picked any moment


def test_what_may_go_later_shares_its_slot_even_alone():
    later = NOW + timedelta(seconds=60)
    assert Slots().due(later, NOW, calls=1) == Slots().due(later + 20 * MS, NOW + 20 * MS, calls=1)


@given(st.integers(0, 10**9), st.integers(8, 500))
def test_nothing_goes_before_its_moment_nor_much_later(microseconds, calls):
    starts_at = NOW + timedelta(microseconds=microseconds)
    wait = Slots().due(starts_at, NOW, calls=calls) - starts_at
    assert 15 * MS <= wait < 65 * MS


def test_a_chunk_is_joined_once_it_is_committed_and_until_it_is_full():
    slots, due = Slots(), Slots().due(NOW, NOW, calls=30)
    assert slots.known(due) is None
    slots.keep({due: (7, 200)}, NOW)
    assert slots.known(due) == 7
    slots.keep({due: (7, 100)}, NOW)
    assert slots.known(due) is None
    slots.keep({due: (8, 10)}, NOW)
    assert slots.known(due) == 8


def test_what_is_over_is_forgotten():
    slots, due = Slots(), Slots().due(NOW, NOW, calls=30)
    slots.keep({due: (7, 10)}, NOW)
    slots.keep({}, due)
    assert slots.known(due) is None


def test_with_a_long_delay_the_latest_are_known_and_no_others():
    slots, later = Slots(), NOW + timedelta(days=1)
    for second in range(2000):
        slots.keep({later + timedelta(seconds=second): (second, 10)}, NOW)
    assert slots.known(later) is None
    assert slots.known(later + timedelta(seconds=1999)) == 1999
