"""The holidays that sending heeds."""

from __future__ import annotations

from datetime import date

import pytest

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
