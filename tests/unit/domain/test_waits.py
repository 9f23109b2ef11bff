"""What a person reads of a message that was looked at again and again."""

from __future__ import annotations

from datetime import datetime, timedelta

from disparo.domain.waits import folded

_BEGIN = datetime(2026, 11, 27, 9, 0)


def events(*moves):
    """`from>to reason`, one a minute."""
    found = []
    for minute, move in enumerate(moves):
        states, _, reason = move.partition(" ")
        before, after = states.split(">")
        found.append(
            {
                "at": _BEGIN + timedelta(minutes=minute),
                "from_status": before or None,
                "to_status": after,
                "reason": reason or None,
            }
        )
    return found


def told(*moves):
    return [
        (change.event["to_status"], change.event["reason"], change.times, change.last_at.minute)
        for change in folded(events(*moves))
    ]


def test_looks_that_changed_nothing_are_one_wait_with_its_last_moment():
    look = "queued>claimed", "claimed>queued platform_day_full"
    assert told(">queued", *look, *look, *look, "queued>claimed", "claimed>sending") == [
        ("queued", None, 1, 0),
        ("queued", "platform_day_full", 3, 6),
        ("claimed", None, 1, 7),
        ("sending", None, 1, 8),
    ]


def test_a_wait_for_something_else_is_another_one():
    full, away = "claimed>queued platform_day_full", "claimed>queued platform_unavailable"
    assert told("queued>claimed", full, "queued>claimed", away, "queued>claimed", full) == [
        ("queued", "platform_day_full", 1, 1),
        ("queued", "platform_unavailable", 1, 3),
        ("queued", "platform_day_full", 1, 5),
    ]


def test_a_try_between_two_waits_is_told():
    assert told(
        "queued>claimed", "claimed>queued a", "queued>claimed", "sending>queued a", "queued>claimed"
    ) == [
        ("queued", "a", 1, 1),
        ("claimed", None, 1, 2),
        ("queued", "a", 1, 3),
        ("claimed", None, 1, 4),
    ]


def test_what_a_person_does_meanwhile_is_told():
    assert told("queued>claimed", "claimed>cancelled", "claimed>queued") == [
        ("claimed", None, 1, 0),
        ("cancelled", None, 1, 1),
        ("queued", None, 1, 2),
    ]
    assert told() == []
