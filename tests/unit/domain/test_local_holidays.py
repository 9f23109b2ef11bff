"""Towns' holidays, as an administrator writes them."""

from __future__ import annotations

from datetime import date

import pytest

from disparo.domain.local_holidays import read_local_holiday


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("08/12", date(2031, 12, 8), date(2031, 8, 12)),
        ("29/02", date(2028, 2, 29), date(2027, 3, 1)),
        ("04/06/2026", date(2026, 6, 4), date(2027, 6, 4)),
        ("2026-06-04", date(2026, 6, 4), date(2027, 6, 4)),
    ],
)
def test_it_falls_on_its_day_alone(text, yes, no):
    holiday = read_local_holiday(text)
    assert (holiday.falls_on(yes), holiday.falls_on(no)) == (True, False)


@pytest.mark.parametrize("text", ["", "31/02", "8/12", "32/01/2026", "2026-13-01", "20260604", "natal"])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(ValueError, match="feriado inválido"):
        read_local_holiday(text)
