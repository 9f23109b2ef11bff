"""When a message may go: the hours of its purpose, in the state of the customer and of the phone.

Source: docs/field-facts.md §3 (state laws on collection hours; custom elsewhere).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from disparo.domain.phone import other_zone_of, uf_of_ddd, zone_of_ddd, zone_of_uf

#: Tells whether nothing is sent on a day: of the whole country, or (with a state) of that state too.
IsHoliday = Callable[[date, str | None], bool]


class Purpose(StrEnum):
    """Why a message goes (docs/delivery.md §1)."""

    REQUESTED = "requested"  # the customer asked for it: at any hour
    NOTICE = "notice"  # not yet due
    COLLECTION = "collection"  # overdue


class Place(NamedTuple):
    """Where a message goes: the states whose strictest rules count, and the zone of its hours.

    `other_zone`: one that may be the customer's as well; hours count that both allow.
    """

    ufs: tuple[str, ...]
    zone: ZoneInfo
    other_zone: ZoneInfo | None = None


@lru_cache(maxsize=1024)
def place_of(uf: str | None, ddd: str | None, *, default: ZoneInfo) -> Place:
    """Give the place of a customer registered in `uf` (or unknown) whose phone has this area code.

    The hours are the customer's: a phone of another state adds its rules, not its clock.
    """
    of_phone = None if ddd is None else uf_of_ddd(ddd)
    if uf is not None and uf != of_phone:
        zone = zone_of_uf(uf)
    else:
        zone = default.key if ddd is None else zone_of_ddd(ddd)
    ufs = tuple(dict.fromkeys(name for name in (uf, of_phone) if name is not None))
    other = other_zone_of(uf, ddd)
    return Place(ufs, ZoneInfo(zone), None if other is None else ZoneInfo(other))


#: Hours (from, to) on weekdays and on Saturdays; None: not at all. Never on Sundays and holidays.
_Hours = tuple[int, int] | None
_NOTICE: tuple[_Hours, _Hours] = ((8, 20), (8, 20))
_COLLECTION: dict[str, tuple[_Hours, _Hours]] = {
    "SP": ((8, 20), (8, 14)),  # Lei 15.426/2014
    "AL": ((8, 20), (8, 14)),  # Lei 7.782/2016
    "RJ": ((9, 19), None),  # Lei 7.868/2018
    "ES": ((8, 19), None),  # Lei 10.626/2017
    "AM": ((8, 19), None),  # Lei 306/2016
}
_COLLECTION_ELSEWHERE: tuple[_Hours, _Hours] = ((8, 20), (8, 14))
_SATURDAY, _SUNDAY = 5, 6
#: Longer than any window is closed, but for an administrator's own holidays: it is looked at again then.
_FURTHEST_DAYS = 30
#: From the last look at a message until its bytes leave, at most: what goes, goes before its hours end. A
#: look holds ten seconds (docs/decisions/0045), it is asked each second whether it does, a start four.
ON_ITS_WAY = timedelta(seconds=15)


def next_allowed(at: datetime, purpose: Purpose, *, place: Place, is_holiday: IsHoliday) -> datetime:
    """Give the first moment, from `at` on, at which a message may go (aware times; the answer in UTC).

    Of several states the strictest counts: the hours that all of them allow. In their last moments nothing
    is begun. Where holidays leave none within a month it is the end of that month, to be asked about again.
    """
    if purpose is Purpose.REQUESTED:
        return at
    for opens, closes in _windows(at, purpose, place=place, is_holiday=is_holiday):
        if at <= closes - ON_ITS_WAY:
            return max(at, opens)
    day = at.astimezone(place.zone).date() + timedelta(days=_FURTHEST_DAYS + 1)
    return datetime.combine(day, time(), place.zone).astimezone(ZoneInfo("UTC"))


def allowed_seconds_between(
    start: datetime, end: datetime, purpose: Purpose, *, place: Place, is_holiday: IsHoliday
) -> float:
    """Count the seconds of [start, end] that lie inside sending hours: what `timeout` is measured in."""
    if purpose is Purpose.REQUESTED:
        return max(0.0, (end - start).total_seconds())
    total = 0.0
    for opens, closes in _windows(start, purpose, place=place, is_holiday=is_holiday, until=end):
        total += max(0.0, (min(closes, end) - max(opens, start)).total_seconds())
    return total


def _windows(
    start: datetime,
    purpose: Purpose,
    *,
    place: Place,
    is_holiday: IsHoliday,
    until: datetime | None = None,
) -> Iterator[tuple[datetime, datetime]]:
    """Go through the windows from the day of `start` on, as (opens, closes) in UTC."""
    utc = ZoneInfo("UTC")
    day = start.astimezone(place.zone).date()
    last = until.astimezone(place.zone).date() if until else day + timedelta(days=_FURTHEST_DAYS)
    while day <= last:
        closed = any(is_holiday(day, uf) for uf in _whose_holidays(purpose, place))
        hours = None if closed else _hours(day, purpose, place.ufs)
        if hours is not None:
            zones = [zone for zone in (place.zone, place.other_zone) if zone is not None]
            opens, closes = (
                [datetime.combine(day, time(hour), zone).astimezone(utc) for zone in zones] for hour in hours
            )
            yield max(opens), min(closes)
        day += timedelta(days=1)


def _whose_holidays(purpose: Purpose, place: Place) -> Sequence[str | None]:
    """A notice heeds the country's holidays; the asking for a debt those of the states too."""
    return place.ufs if purpose is Purpose.COLLECTION and place.ufs else (None,)


def _hours(day: date, purpose: Purpose, ufs: Sequence[str]) -> _Hours:
    if day.weekday() == _SUNDAY:
        return None
    tables = (
        [_NOTICE]
        if purpose is Purpose.NOTICE
        else [_COLLECTION.get(uf, _COLLECTION_ELSEWHERE) for uf in ufs] or [_COLLECTION_ELSEWHERE]
    )
    each = [table[day.weekday() == _SATURDAY] for table in tables]
    allowed = [hours for hours in each if hours is not None]
    if len(allowed) < len(each):
        return None
    opens, closes = max(hours[0] for hours in allowed), min(hours[1] for hours in allowed)
    return (opens, closes) if opens < closes else None
