"""Reads a day and the time of it, as programs write them: on the wall's clock, or with a zone."""

from __future__ import annotations

import re
from datetime import datetime, time
from zoneinfo import ZoneInfo

from disparo.sources.csv_fields import read_date

_CLOCK = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?:\.[0-9]+)? ?(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
#: Zones whose times are the wall's already: those of Brazil.
_OF_BRAZIL = ("-02", "-03", "-04", "-05")
_BRASILIA = ZoneInfo("America/Sao_Paulo")


def read_moment(text: str, column: str) -> datetime | None:
    """Read a date with or without a time of the wall's clock; None where it is empty.

    A time with a zone that is none of Brazil's is put on the clock of Brasília; midnight there is a mere day.
    """
    day = read_date(text, column)
    if day is None:
        return None
    clock = _CLOCK.fullmatch(re.split("[ T]", text, maxsplit=1)[-1].strip())
    if clock is None:
        return datetime.combine(day, time())
    zone = clock[4]
    try:
        at = datetime.combine(day, time(int(clock[1]), int(clock[2]), int(clock[3] or 0)))
        if zone is None or zone.startswith(_OF_BRAZIL) or at.time() == time():
            return at
        told = datetime.fromisoformat(at.isoformat() + zone.replace("UTC", "Z"))
        return told.astimezone(_BRASILIA).replace(tzinfo=None)
    except ValueError:
        return datetime.combine(day, time())
