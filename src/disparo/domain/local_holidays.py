"""Holidays of a town, which no list knows: written by the administrator."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_EVERY_YEAR = re.compile(r"([0-9]{2})/([0-9]{2})")
_ONE_YEAR = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_LEAP_YEAR = 2028


@dataclass(frozen=True, slots=True)
class LocalHoliday:
    """A day of every year, or of one."""

    day: int
    month: int
    year: int | None = None

    def falls_on(self, day: date) -> bool:
        """Tell whether it is this day."""
        return (day.day, day.month) == (self.day, self.month) and self.year in (None, day.year)


def read_local_holiday(text: str) -> LocalHoliday:
    """Read `DD/MM` (every year), `DD/MM/AAAA` or `AAAA-MM-DD`; raises ValueError in Portuguese."""
    text = text.strip()
    try:
        if found := _EVERY_YEAR.fullmatch(text):
            day = date(_LEAP_YEAR, int(found[2]), int(found[1]))
            return LocalHoliday(day.day, day.month)
        if found := _ONE_YEAR.fullmatch(text):
            day = date(int(found[3]), int(found[2]), int(found[1]))
            return LocalHoliday(day.day, day.month, day.year)
        if _ISO.fullmatch(text):
            day = date.fromisoformat(text)
            return LocalHoliday(day.day, day.month, day.year)
    except ValueError:
        pass
    raise ValueError(f"feriado inválido: {text!r}. Use DD/MM (todo ano), DD/MM/AAAA ou AAAA-MM-DD")
