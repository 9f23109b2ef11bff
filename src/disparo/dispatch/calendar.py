"""The holidays on which nothing is sent: the country's and the states' by law, the towns' by a setting."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from disparo.domain.local_holidays import LocalHoliday
from disparo.domain.states import UFS
from disparo.domain.windows import IsHoliday

if TYPE_CHECKING:
    from holidays import HolidayBase

#: The library fills in a year while it is asked: another thread would find it there, and empty.
_ASKING = threading.Lock()


def holiday_calendar(local: Sequence[LocalHoliday] = ()) -> IsHoliday:
    """Give the function that tells whether a day is a holiday, these of the administrator included."""

    @lru_cache(maxsize=10_000)
    def is_holiday(day: date, uf: str | None) -> bool:
        if any(holiday.falls_on(day) for holiday in local):
            return True
        with _ASKING:
            return day in _official(uf)

    return is_holiday


def load_calendar() -> None:
    """Load the tables of holidays, which takes a fifth of a second: not within a transaction."""
    for uf in (None, *UFS):
        holiday_calendar()(date.today(), uf)  # noqa: DTZ011 - any day of these years will do


@cache
def _official(uf: str | None) -> HolidayBase:
    # Imported here: commands that ask for no day need not pay for it.
    from holidays import country_holidays

    try:
        return country_holidays("BR", subdiv=uf)
    except NotImplementedError:  # a state that there is not
        return country_holidays("BR")
