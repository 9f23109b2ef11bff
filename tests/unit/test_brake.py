"""A failing platform is tried with one message at a time, ever more rarely, until one goes well."""

from __future__ import annotations

import pytest

from disparo.dispatch.brake import Brake
from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind

GOOD = Outcome(OutcomeKind.ACCEPTED)
BAD = Outcome(OutcomeKind.AMBIGUOUS, failure=FailureClass.NETWORK)


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def brake(clock):
    return Brake(lambda: clock[0])


def fail(brake, times=5):
    for _ in range(times):
        brake.note(BAD)


def test_a_healthy_platform_is_not_held_back(brake):
    fail(brake, 4)
    assert brake.allowed(50) == 50
    brake.note(GOOD)
    fail(brake, 4)
    assert brake.allowed(50) == 50


def test_five_bad_ones_in_a_row_put_it_on(brake, clock):
    fail(brake)
    assert brake.allowed(50) == 0
    clock[0] += 0.6
    assert brake.allowed(50) == 1
    assert brake.allowed(50) == 0  # one probe at a time


def test_each_failed_probe_doubles_the_pause_up_to_ten_seconds(brake, clock):
    fail(brake)
    pauses = []
    for _ in range(8):
        began = clock[0]
        while not brake.allowed(1):
            clock[0] += 0.1
        pauses.append(round(clock[0] - began, 1))
        brake.note(BAD)
    assert pauses[0] == pytest.approx(0.5, abs=0.11)
    assert pauses[1] == pytest.approx(1.0, abs=0.11)
    assert pauses[-1] == pytest.approx(10.0, abs=0.11)


def test_a_window_that_fails_together_counts_as_one_pause(brake, clock):
    fail(brake, 50)
    clock[0] += 0.6
    assert brake.allowed(1) == 1


def test_one_good_answer_lets_it_go(brake, clock):
    fail(brake)
    clock[0] += 0.6
    brake.allowed(1)
    brake.note(GOOD)
    assert brake.allowed(50) == 50


@pytest.mark.parametrize(
    ("outcome", "bad"),
    [
        (Outcome(OutcomeKind.REFUSED, failure=FailureClass.NUMBER), False),
        (Outcome(OutcomeKind.NOT_TAKEN, failure=FailureClass.THROTTLE), False),
        (Outcome(OutcomeKind.NOT_TAKEN, failure=FailureClass.CREDIT), True),
        (Outcome(OutcomeKind.NOT_TAKEN, failure=FailureClass.AUTH), True),
        (Outcome(OutcomeKind.NOT_TAKEN, failure=FailureClass.NETWORK), True),
    ],
)
def test_what_counts_as_bad(brake, outcome, bad):
    for _ in range(5):
        brake.note(outcome)
    assert brake.is_on is bad


def test_a_probe_that_was_never_written_does_not_block_the_next(brake, clock):
    fail(brake)
    clock[0] += 0.6
    assert brake.allowed(1) == 1
    brake.note(Outcome(OutcomeKind.NOT_STARTED))
    assert brake.allowed(1) == 1
    brake.forget_probe()
    assert brake.allowed(1) == 1
