"""Which platform a message goes to."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from disparo.domain.routing import NoRoute, Route, choose, in_first_line, stay

ZONE = ZoneInfo("America/Sao_Paulo")
NOON = datetime(2026, 11, 24, 12, tzinfo=ZONE)
NIGHT = datetime(2026, 11, 24, 22, tzinfo=ZONE)
A, B = Route("a", order=0), Route("b", order=1)


def pick(*routes, ddd="11", local=NOON, usable="abc", room="abc", avoid=None, draw=0.0):
    return choose(
        routes,
        ddd=ddd,
        local=local,
        is_usable=lambda name: name in usable,
        has_room=lambda name: name in room,
        avoid=avoid,
        draw=draw,
    )


def test_the_first_in_order_is_used_while_it_works():
    assert pick(A, B) == "a"
    assert pick(A, B, usable="b") == "b"


def test_one_that_is_merely_busy_is_waited_for():
    assert pick(A, B, room="b") == NoRoute("platform_busy", waits_for=("a",))


def test_those_of_one_order_share_by_weight():
    first, second = Route("a", weight=3), Route("b", weight=1)
    drawn = [pick(first, second, draw=step / 100) for step in range(100)]
    assert (drawn.count("a"), drawn.count("b")) == (75, 25)
    assert pick(first, second, room="b") == "b"


def test_weight_zero_is_never_chosen():
    assert pick(Route("a", weight=0), B) == "b"
    assert pick(Route("a", weight=0)) == NoRoute("no_platform")


def test_what_one_did_not_take_goes_to_another_if_there_is_one():
    assert pick(A, B, avoid="a") == "b"
    assert pick(A, avoid="a") == "a"


def test_area_codes_and_hours_are_kept():
    south, day = Route("a", ddds=frozenset({"51", "55"})), Route("b", hours=(time(8), time(20)))
    assert pick(south, ddd="51") == "a"
    assert pick(south, ddd="11") == NoRoute("no_platform")
    closed = pick(day, local=NIGHT)
    assert closed == NoRoute("platform_hours", datetime(2026, 11, 25, 8, tzinfo=ZONE))


def first_line(*routes, usable="abc"):
    return in_first_line(routes, local=NOON, is_usable=lambda name: name in usable)


def test_a_stand_in_is_in_the_first_line_only_when_it_is_needed():
    assert first_line(A, B) == ["a"]
    assert first_line(A, B, usable="b") == ["b"]
    assert first_line(Route("a"), Route("b")) == ["a", "b"]


def test_who_serves_other_area_codes_is_no_stand_in():
    south = Route("a", order=0, ddds=frozenset({"51"}))
    assert first_line(south, B) == ["a", "b"]
    assert first_line(A, Route("b", order=1, ddds=frozenset({"51"}))) == ["a"]
    assert first_line(south, Route("b", order=1, ddds=frozenset({"48"}))) == ["a", "b"]
    assert first_line(south, Route("b", order=1, ddds=frozenset({"51"}))) == ["a"]


def test_who_takes_nothing_new_now_is_not_in_the_first_line_and_keeps_nobody_out_of_it():
    assert first_line(Route("a", weight=0), B) == ["b"]
    assert first_line(Route("a", hours=(time(20), time(22))), B) == ["b"]


def test_where_the_day_is_over_for_all_that_could_take_it_the_reason_says_so():
    def reason(full):
        found = choose(
            [A, B],
            ddd="11",
            local=NOON,
            is_usable=lambda _: False,
            has_room=lambda _: True,
            is_day_full=full.__contains__,
            avoid=None,
            draw=0.0,
        )
        return found.reason

    assert [reason("ab"), reason("a"), reason("")] == ["platform_day_full", *["platform_unavailable"] * 2]


def test_what_one_may_have_taken_stays_with_it_at_its_hours():
    def again(route, *, local=NOON, room="a", full=""):
        return stay([route, B], "a", local=local, has_room=room.__contains__, is_day_full=full.__contains__)

    day = Route("a", weight=0, hours=(time(8), time(20)), ddds=frozenset({"51"}))
    assert again(day) == "a"
    assert again(day, local=NIGHT) == NoRoute("platform_hours", datetime(2026, 11, 25, 8, tzinfo=ZONE))
    assert again(day, room="b") == NoRoute("platform_unavailable", waits_for=("a",))
    assert again(day, room="b", full="a") == NoRoute("platform_day_full", waits_for=("a",))
    assert again(B) == NoRoute("platform_removed")
