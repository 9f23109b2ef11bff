"""A platform that fails is left alone, and one good probe brings it back."""

from __future__ import annotations

import pytest

from disparo.dispatch.breaker import Breaker, longest_pause_s
from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind

GOOD = Outcome(OutcomeKind.ACCEPTED)
LOST = Outcome(OutcomeKind.AMBIGUOUS, failure=FailureClass.NETWORK)
REFUSED = Outcome(OutcomeKind.REFUSED, failure=FailureClass.NUMBER)


def not_taken(failure):
    return Outcome(OutcomeKind.NOT_TAKEN, failure=failure)


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def breaker(clock):
    return Breaker(lambda: clock[0])


def note(breaker, *outcomes, probe=False, latency_s=0.1):
    for outcome in outcomes:
        breaker.note(outcome, latency_s=latency_s, probe=probe)


def test_five_bad_ones_in_a_row_open_it(breaker):
    note(breaker, *[LOST] * 4, GOOD, *[LOST] * 4)
    assert not breaker.is_open
    note(breaker, LOST)
    assert (breaker.open_reason, breaker.tripped) == ("failing", True)


def test_half_of_twenty_open_it_and_a_third_of_forty_does_not(breaker):
    note(breaker, *[GOOD, GOOD, LOST] * 14)
    assert not breaker.is_open
    again = Breaker(lambda: 100.0)
    note(again, *[GOOD, LOST] * 9, GOOD)
    assert not again.is_open
    note(again, LOST)
    assert again.open_reason == "error_rate"


@pytest.mark.parametrize("before", [[LOST] * 9, [GOOD, LOST] * 12])  # the last of them were under way
def test_once_it_is_closed_what_it_did_before_counts_for_nothing(breaker, clock, before):
    note(breaker, *before)
    assert breaker.is_open
    breaker.tripped = False  # as when the others were told
    breaker.take(open_reason=None, paused=False)
    clock[0] += 1
    note(breaker, *[LOST] * 4)
    assert not breaker.is_open
    note(breaker, LOST)
    assert breaker.open_reason == "failing"


def test_what_was_seen_here_alone_is_taken_back(breaker):
    note(breaker, *[LOST] * 5)
    breaker.take(open_reason=None, paused=False)
    assert breaker.is_open  # the others do not know yet
    breaker.take_back()
    assert (breaker.is_open, breaker.tripped) == (False, False)
    breaker.take(open_reason="failing", paused=False)
    breaker.take_back()
    assert breaker.is_open  # it is everybody's


@pytest.mark.parametrize("failure", [FailureClass.AUTH, FailureClass.CREDIT])
def test_a_wrong_password_or_no_credit_opens_it_at_once(breaker, failure):
    note(breaker, not_taken(failure))
    assert breaker.open_reason == str(failure)


def test_one_that_takes_nothing_and_says_not_why_is_failing(breaker):
    note(breaker, *[not_taken(FailureClass.UNKNOWN)] * 5)
    assert breaker.open_reason == "failing"


def test_twenty_refused_in_a_row_open_it_whatever_fails_between(breaker):
    note(breaker, *[REFUSED] * 19, GOOD, *[REFUSED] * 10, LOST, *[REFUSED] * 9)
    assert not breaker.is_open
    note(breaker, REFUSED)
    assert (breaker.open_reason, breaker.tripped) == ("refuses_all", True)


def test_what_the_guard_keeps_back_is_not_laid_to_the_platform(breaker):
    note(breaker, *[Outcome(OutcomeKind.REFUSED, failure=FailureClass.GUARD)] * 20)
    assert breaker.open_reason == "guard"
    assert longest_pause_s("guard") == 300


def test_what_refuses_all_is_back_when_it_accepts_one(breaker):
    note(breaker, *[REFUSED] * 20)
    note(breaker, REFUSED, probe=True)
    assert (breaker.is_open, breaker.recovered) == (True, False)
    note(breaker, GOOD, probe=True)
    assert (breaker.is_open, breaker.recovered) == (False, True)


def test_what_refuses_all_is_tried_seldom_as_each_try_is_a_message_lost(breaker):
    note(breaker, *[REFUSED] * 20)
    assert (breaker.pause_s, longest_pause_s(breaker.open_reason)) == (300, 300)


def test_what_gives_no_answer_is_tried_less_often_than_what_takes_nothing(breaker):
    note(breaker, *[LOST] * 5)
    assert breaker.pause_s == 60
    note(breaker, not_taken(FailureClass.NETWORK), probe=True)
    assert breaker.pause_s == 10
    note(breaker, LOST, probe=True)
    assert breaker.pause_s == 60 <= longest_pause_s("failing")


def test_what_hangs_is_tried_less_often_before_the_hanging_ones_end(breaker):
    breaker.note_waiting([6.0] * 5)
    assert breaker.pause_s == 60


def test_throttling_is_told_from_failing(breaker):
    note(breaker, *[not_taken(FailureClass.THROTTLE)] * 5)
    assert breaker.open_reason == "throttle"


def test_half_of_the_last_ones_bad_opens_it(breaker):
    note(breaker, *[GOOD, LOST] * 9)
    assert not breaker.is_open
    note(breaker, *[GOOD, LOST] * 2)
    assert breaker.open_reason == "error_rate"


def test_bad_ones_of_long_ago_do_not_count(breaker, clock):
    note(breaker, *[GOOD, LOST] * 9)
    clock[0] += 60
    note(breaker, *[GOOD, LOST] * 2)
    assert not breaker.is_open


def test_numbers_that_are_refused_say_nothing_against_the_platform(breaker):
    note(breaker, *[*[REFUSED] * 19, GOOD] * 5)
    assert not breaker.is_open


def test_answers_that_do_not_come_open_it_before_they_time_out(breaker):
    breaker.note_waiting([6.0] * 4 + [0.1])
    assert not breaker.is_open
    breaker.note_waiting([6.0] * 5 + [0.1])
    assert breaker.open_reason == "slow"


def test_a_platform_of_which_all_of_few_hang_is_slow(breaker):
    breaker.note_waiting([6.0])
    assert not breaker.is_open
    breaker.note_waiting([6.0, 6.0])
    assert breaker.open_reason == "slow"


def test_one_good_probe_closes_it_and_a_bad_or_slow_one_does_not(breaker):
    note(breaker, *[LOST] * 5)
    note(breaker, LOST, probe=True)
    note(breaker, GOOD, probe=True, latency_s=8.0)
    assert breaker.is_open
    note(breaker, GOOD, probe=True)
    assert (breaker.is_open, breaker.recovered) == (False, True)


def test_what_hung_before_it_was_closed_does_not_open_it_again(breaker, clock):
    breaker.note_waiting([6.0] * 5)
    note(breaker, GOOD, probe=True)
    clock[0] += 1
    breaker.note_waiting([8.0] * 5)
    note(breaker, *[LOST] * 5, latency_s=20.0)
    assert not breaker.is_open
    clock[0] += 10
    breaker.note_waiting([6.0] * 5)
    assert breaker.open_reason == "slow"


def test_what_was_under_way_while_this_process_stood_still_says_nothing_against_the_platform(breaker, clock):
    note(breaker, *[LOST] * 5)  # timed out in the moment it woke, and told to nobody yet
    breaker.look_anew()
    assert (breaker.is_open, breaker.tripped) == (False, False)
    clock[0] += 1
    breaker.note_waiting([21.0] * 5)
    note(breaker, *[LOST] * 5, latency_s=21.0)
    assert not breaker.is_open
    clock[0] += 5.5
    breaker.note_waiting([5.2] * 5)
    assert breaker.open_reason == "slow"


def test_what_others_know_of_a_platform_stays_known_to_one_that_stood_still(breaker):
    breaker.take(open_reason="failing", paused=True)
    breaker.look_anew()
    assert (breaker.open_reason, breaker.paused) == ("failing", True)


def test_late_failures_of_those_under_way_do_not_open_it_twice(breaker):
    note(breaker, *[LOST] * 5)
    breaker.tripped = False  # told
    note(breaker, *[LOST] * 45)
    assert not breaker.tripped


def test_what_others_saw_is_taken_over_but_not_against_what_was_seen_here(breaker, clock):
    breaker.take(open_reason="credit", paused=False)
    assert breaker.open_reason == "credit"
    breaker.take(open_reason=None, paused=True)
    assert (breaker.open_reason, breaker.is_open) == (None, True)
    breaker.take(open_reason=None, paused=False)
    clock[0] += 1
    note(breaker, *[LOST] * 5)
    breaker.take(open_reason=None, paused=False)
    assert breaker.open_reason == "failing"


@pytest.mark.parametrize(
    ("before", "said", "reason"),
    [
        ([LOST] * 5, not_taken(FailureClass.CREDIT), "credit"),
        ([not_taken(FailureClass.AUTH)], not_taken(FailureClass.CREDIT), "credit"),
        ([not_taken(FailureClass.CREDIT)], LOST, "failing"),
        ([not_taken(FailureClass.CREDIT)], not_taken(FailureClass.THROTTLE), "throttle"),
    ],
)
def test_a_failed_try_tells_why_it_fails_by_now(breaker, before, said, reason):
    note(breaker, *before)
    breaker.tripped = False  # as when the others were told
    note(breaker, said, probe=True)
    assert (breaker.open_reason, breaker.renewed, breaker.recovered) == (reason, True, False)
    breaker.take(open_reason="failing", paused=False)  # read before this was told
    assert breaker.open_reason == reason
    breaker.take(open_reason=None, paused=False)  # another worker's try went well
    assert not breaker.is_open
    assert not breaker.has_news


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ([GOOD, LOST] * 12, LOST),  # no better known than before
        ([not_taken(FailureClass.CREDIT)], not_taken(FailureClass.CREDIT)),
        # A try that is refused must go on counting as a bad one.
        ([REFUSED] * 20, not_taken(FailureClass.THROTTLE)),
    ],
)
def test_what_says_no_more_than_is_known_is_no_news(breaker, before, said):
    note(breaker, *before)
    breaker.tripped, reason = False, breaker.open_reason
    note(breaker, said, probe=True)
    assert (breaker.open_reason, breaker.has_news) == (reason, False)
