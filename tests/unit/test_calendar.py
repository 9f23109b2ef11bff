"""The holidays that sending heeds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from disparo.dispatch import calendar
from disparo.dispatch.calendar import holiday_calendar
from disparo.domain.local_holidays import read_local_holiday


@pytest.mark.parametrize(
    ("day", "uf", "closed"),
    [
        (date(2026, 11, 20), None, True),  # national since 2024
        (date(2027, 3, 26), None, True),  # Good Friday moves
        (date(2026, 4, 23), "RJ", True),  # Saint George: there alone
        (date(2026, 4, 23), "SP", False),
        (date(2026, 4, 23), None, False),
        (date(2026, 7, 9), "SP", True),
        (date(2026, 11, 24), "SP", False),
        (date(2026, 12, 25), "ZZ", True),  # a state that there is not has the country's
    ],
)
def test_official_holidays(day, uf, closed):
    assert holiday_calendar()(day, uf) is closed


def test_a_towns_holiday_is_one_for_everybody():
    is_holiday = holiday_calendar([read_local_holiday("24/11")])
    assert is_holiday(date(2030, 11, 24), None)
    assert is_holiday(date(2030, 11, 24), "RJ")


class _FilledWhileAsked:
    """As the library's tables: a year is known before its days are in."""

    def __init__(self):
        self.years, self.days = set(), set()

    def __contains__(self, day):
        if day.year not in self.years:
            self.years.add(day.year)
            time.sleep(0.05)  # long enough for the other threads to ask meanwhile
            self.days.add(date(day.year, 12, 25))
        return day in self.days


def test_threads_that_ask_at_once_are_told_the_same(monkeypatch):
    table = _FilledWhileAsked()
    monkeypatch.setattr(calendar, "_official", lambda _uf: table)
    askers = [holiday_calendar() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda asks: asks(date(2031, 12, 25), "SP"), askers))
    assert answers == [True] * 4
