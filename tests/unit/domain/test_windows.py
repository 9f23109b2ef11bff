"""Sending hours by purpose and state (docs/field-facts.md §3)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disparo.dispatch import line, starts, watch
from disparo.domain.windows import (
    ON_ITS_WAY,
    Place,
    Purpose,
    allowed_seconds_between,
    next_allowed,
    place_of,
)

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
MONDAY = date(2026, 11, 23)


def at(day_offset, hour, minute=0):
    day = MONDAY + timedelta(days=day_offset)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SAO_PAULO)


def opens(when, purpose, *ufs, holidays=()):
    place = Place(tuple(ufs), SAO_PAULO)
    found = next_allowed(when, purpose, place=place, is_holiday=lambda day, _uf: day in holidays)
    return found.astimezone(SAO_PAULO)


def test_what_the_customer_asked_for_goes_at_any_hour():
    assert opens(at(6, 3), Purpose.REQUESTED, "RJ") == at(6, 3)


def test_inside_the_window_it_goes_at_once():
    assert opens(at(0, 10), Purpose.COLLECTION, "SP") == at(0, 10)


@pytest.mark.parametrize(
    ("when", "purpose", "ufs", "expected"),
    [
        (at(0, 6), Purpose.NOTICE, ("SP",), at(0, 8)),
        (at(0, 21), Purpose.NOTICE, ("SP",), at(1, 8)),
        (at(0, 8, 30), Purpose.COLLECTION, ("RJ",), at(0, 9)),
        (at(0, 19, 30), Purpose.COLLECTION, ("SP",), at(0, 19, 30)),
        (at(0, 19, 30), Purpose.COLLECTION, ("RJ",), at(1, 9)),
        (at(4, 19, 0), Purpose.COLLECTION, ("ES",), at(7, 8)),  # Friday evening: no weekend there
        (at(5, 15), Purpose.COLLECTION, ("SP",), at(7, 8)),  # Saturday after 14 h
        (at(5, 15), Purpose.NOTICE, ("SP",), at(5, 15)),
        (at(6, 12), Purpose.NOTICE, ("SP",), at(7, 8)),  # Sunday
        (at(0, 8, 30), Purpose.COLLECTION, ("SP", "RJ"), at(0, 9)),  # the stricter counts
        (at(5, 10), Purpose.COLLECTION, ("SP", "RJ"), at(7, 9)),
        (at(0, 7), Purpose.COLLECTION, (), at(0, 8)),
    ],
)
def test_outside_it_waits_for_the_next_opening(when, purpose, ufs, expected):
    assert opens(when, purpose, *ufs) == expected


@pytest.mark.parametrize(
    ("purpose", "uf", "weekday", "saturday"),
    [
        *((Purpose.NOTICE, uf, (8, 20), (8, 20)) for uf in ("SP", "RJ", "AM")),
        *((Purpose.COLLECTION, uf, (8, 20), (8, 14)) for uf in ("SP", "AL", "BA")),
        (Purpose.COLLECTION, "RJ", (9, 19), None),
        *((Purpose.COLLECTION, uf, (8, 19), None) for uf in ("ES", "AM")),
    ],
)
def test_the_hours_of_each_day_are_those_of_the_law(purpose, uf, weekday, saturday):
    hours = [weekday] * 5 + [saturday, None]
    halves = [at(day, hour, 30) for day in range(7) for hour in range(24)]
    going = {(when.weekday(), when.hour) for when in halves if opens(when, purpose, uf) == when}
    assert going == {(day, hour) for day, each in enumerate(hours) if each for hour in range(*each)}


def test_what_could_still_be_on_its_way_at_the_end_is_not_begun():
    """At 18:59:58 it would wait in its lane's line, and leave after 19 h."""
    ends = at(0, 19)
    assert opens(ends - ON_ITS_WAY, Purpose.COLLECTION, "RJ") == ends - ON_ITS_WAY
    assert opens(ends - timedelta(seconds=2), Purpose.COLLECTION, "RJ") == at(1, 9)
    assert opens(ends - timedelta(seconds=2), Purpose.REQUESTED, "RJ") == ends - timedelta(seconds=2)


def test_a_message_is_on_its_way_for_no_longer_than_a_look_and_a_start_hold():
    assert ON_ITS_WAY.total_seconds() >= line._LOOK_HOLDS_S + watch._EVERY_S + starts.START_TTL_S


def test_holidays_are_closed():
    assert opens(at(0, 10), Purpose.NOTICE, "SP", holidays={MONDAY}) == at(1, 8)
    assert opens(at(0, 10), Purpose.COLLECTION, holidays={MONDAY}) == at(1, 8)


def test_where_holidays_leave_no_day_of_a_month_it_is_looked_at_again_after_it():
    """An ISP that sends nothing in all of January has written 31 holidays."""
    january = {date(2027, 1, 1) + timedelta(days=n) for n in range(31)}
    new_year = datetime(2027, 1, 1, 0, 30, tzinfo=SAO_PAULO)
    again = opens(new_year, Purpose.NOTICE, "SP", holidays=january)
    assert new_year < again <= datetime(2027, 2, 1, 8, tzinfo=SAO_PAULO)
    assert opens(again, Purpose.NOTICE, "SP", holidays=january) == datetime(2027, 2, 1, 8, tzinfo=SAO_PAULO)


def test_a_holiday_of_the_state_stops_the_asking_for_a_debt_but_no_notice():
    def found(purpose, *ufs):
        place = Place(ufs, SAO_PAULO)
        at_ten = next_allowed(
            at(0, 10), purpose, place=place, is_holiday=lambda day, uf: (day, uf) == (MONDAY, "RJ")
        )
        return at_ten.astimezone(SAO_PAULO)

    assert found(Purpose.COLLECTION, "SP", "RJ") == at(1, 9)
    assert found(Purpose.COLLECTION, "SP") == at(0, 10)
    assert found(Purpose.NOTICE, "RJ") == at(0, 10)


@pytest.mark.parametrize(
    ("uf", "ddd", "ufs", "zone"),
    [
        ("SP", "11", ("SP",), "America/Sao_Paulo"),
        ("AM", "92", ("AM",), "America/Manaus"),
        ("AC", "11", ("AC", "SP"), "America/Rio_Branco"),  # the customer's clock, both states' rules
        ("SP", "68", ("SP", "AC"), "America/Sao_Paulo"),
        (None, "68", ("AC",), "America/Rio_Branco"),
        (None, None, (), "America/Sao_Paulo"),
        ("MT", None, ("MT",), "America/Cuiaba"),
    ],
)
def test_the_place_is_the_customers(uf, ddd, ufs, zone):
    assert place_of(uf, ddd, default=SAO_PAULO) == Place(ufs, ZoneInfo(zone))


def test_the_hours_are_those_of_the_customers_clock():
    place = place_of("AC", "68", default=SAO_PAULO)
    found = next_allowed(at(0, 8), Purpose.NOTICE, place=place, is_holiday=lambda _day, _uf: False)
    assert found == at(0, 10)  # 8 h in Rio Branco


@pytest.mark.parametrize(("uf", "ddd"), [("AM", "97"), (None, "97"), ("AM", "11"), ("AM", None)])
def test_where_amazonas_may_have_either_of_its_clocks_both_must_allow_it(uf, ddd):
    """In Tabatinga, area code 97, it is an hour earlier than in Manaus, and in Tefé, 97 too, it is not."""
    place = place_of(uf, ddd, default=SAO_PAULO)
    tabatinga, manaus = ZoneInfo("America/Eirunepe"), ZoneInfo("America/Manaus")
    found = next_allowed(at(0, 4), Purpose.COLLECTION, place=place, is_holiday=lambda *_: False)
    assert (found.astimezone(tabatinga).hour, found.astimezone(manaus).hour) == (8, 9)
    seconds = allowed_seconds_between(
        at(0, 0), at(1, 4), Purpose.COLLECTION, place=place, is_holiday=lambda *_: False
    )
    assert seconds == 10 * 3600  # from 8 h in Tabatinga to 19 h in Manaus


@pytest.mark.parametrize(("uf", "ddd"), [("AM", "92"), (None, "92"), ("SP", "97")])
def test_whose_clock_is_known_has_its_hours_alone(uf, ddd):
    place = place_of(uf, ddd, default=SAO_PAULO)
    found = next_allowed(at(0, 4), Purpose.COLLECTION, place=place, is_holiday=lambda *_: False)
    assert found.astimezone(place.zone).hour == 8


def test_only_allowed_seconds_count_against_the_timeout():
    def seconds(start, end, purpose=Purpose.COLLECTION, uf="ES"):
        place = Place((uf,), SAO_PAULO)
        return allowed_seconds_between(start, end, purpose, place=place, is_holiday=lambda _day, _uf: False)

    assert seconds(at(0, 9), at(0, 10)) == 3600
    assert seconds(at(4, 18), at(7, 9)) == 2 * 3600  # Friday 18-19 h and Monday 8-9 h
    assert seconds(at(5, 0), at(6, 23)) == 0
    assert seconds(at(5, 0), at(5, 1), Purpose.REQUESTED) == 3600
    assert seconds(at(0, 10), at(0, 9)) == 0


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(list(Purpose)),
    st.lists(st.sampled_from(["SP", "RJ", "AM", "ES", "AL", "BA"]), max_size=2),
)
def test_the_next_opening_is_never_earlier_and_opening_again_changes_nothing(naive, purpose, ufs):
    when = naive.replace(tzinfo=SAO_PAULO)
    first = opens(when, purpose, *ufs)
    assert first >= when
    assert opens(first, purpose, *ufs) == first
