"""How far another clock is ahead of ours, by the `Date` of its answers."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from disparo.platforms import clock
from disparo.platforms.clock import AnsweredClock

HOUR_S = 3600


@pytest.fixture
def now(monkeypatch):
    """Ours: `wall` may be set, `boot` goes by itself and is never."""

    class Now:
        boot, wall = 1000.0, 1_800_000_000.0

        def passes(self, seconds):
            self.boot += seconds
            self.wall += seconds

    now = Now()
    monkeypatch.setattr(clock, "boottime_s", lambda: now.boot)
    monkeypatch.setattr(clock.time, "time", lambda: now.wall)
    return now


def answer(told, now, *, ahead_s, takes_s=0.2):
    asked_at = now.boot
    now.passes(takes_s)
    told.note(formatdate(now.wall + ahead_s, usegmt=True), asked_at=asked_at)


def test_nothing_is_known_before_an_answer():
    assert AnsweredClock().ahead_s is None


@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S])
def test_it_is_told_to_a_second(now, ahead_s):
    told = AnsweredClock()
    answer(told, now, ahead_s=ahead_s)
    assert told.ahead_s == pytest.approx(ahead_s, abs=1.3)


def test_a_slow_answer_proves_no_difference(now):
    told = AnsweredClock()
    answer(told, now, ahead_s=-25, takes_s=30)
    assert told.ahead_s == 0


def test_ours_that_is_set_shows_at_once_and_set_right_too(now):
    told = AnsweredClock()
    answer(told, now, ahead_s=0)
    now.wall += HOUR_S
    assert told.ahead_s == pytest.approx(-HOUR_S, abs=1.3)
    now.wall -= HOUR_S
    assert told.ahead_s == 0


def test_one_wrong_machine_behind_an_address_is_not_listened_to_while_another_agrees(now):
    told = AnsweredClock()
    for ahead_s in (0, HOUR_S, 0, HOUR_S):
        answer(told, now, ahead_s=ahead_s)
        assert told.ahead_s == 0
        now.passes(60)
    now.passes(301)
    answer(told, now, ahead_s=HOUR_S)
    assert told.ahead_s == pytest.approx(HOUR_S, abs=1.3)
    now.passes(60)
    answer(told, now, ahead_s=0)
    assert told.ahead_s == 0


@pytest.mark.parametrize("date", [None, "", "ontem", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_what_is_no_date_tells_nothing(now, date):
    told = AnsweredClock()
    told.note(date, asked_at=now.boot)
    assert told.ahead_s is None


def test_what_was_told_long_ago_is_known_no_more(now):
    told = AnsweredClock()
    answer(told, now, ahead_s=HOUR_S)
    now.passes(7 * HOUR_S)
    assert told.ahead_s is None
