"""The server's clock is told as closely as its quickest answers allow."""

from __future__ import annotations

import pytest

from disparo.dispatch.gate import ServerClock

AHEAD_S = 1_000_000.0  # what the server's clock is ahead of ours


def answered(clock, at, *, there_s, back_s):
    """An answer that took so long each way, asked at `at`; how far off the clock is afterwards."""
    clock.note(at + there_s + AHEAD_S, after=at, before=at + there_s + back_s)
    return abs(clock.here(at + AHEAD_S) - at)


def test_a_slow_answer_does_not_blur_what_a_quick_one_told():
    clock = ServerClock()
    assert answered(clock, 10.0, there_s=0.08, back_s=0.001) > 0.03
    assert answered(clock, 11.0, there_s=0.001, back_s=0.002) < 0.002
    assert answered(clock, 12.0, there_s=0.2, back_s=0.001) < 0.002
    assert answered(clock, 13.0, there_s=0.001, back_s=0.2) < 0.002


def test_a_server_clock_that_was_set_is_believed_at_once():
    clock = ServerClock()
    answered(clock, 10.0, there_s=0.001, back_s=0.001)
    clock.note(11.0 + AHEAD_S + 3600, after=11.0, before=11.002)
    assert clock.here(12.0 + AHEAD_S + 3600) == pytest.approx(12.0, abs=0.002)


def test_clocks_may_drift_apart():
    clock = ServerClock()
    answered(clock, 10.0, there_s=0.0005, back_s=0.0005)
    for minute in range(1, 60):
        at = 10.0 + minute * 60
        gone = minute * 60 * 0.00005
        clock.note(at + AHEAD_S + gone, after=at - 0.01, before=at + 0.01)
        assert clock.here(at + AHEAD_S + gone) == pytest.approx(at, abs=0.012)
