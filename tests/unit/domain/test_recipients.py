"""Who gets the SMS, in which order, and why others do not (docs/api.md §3)."""

from __future__ import annotations

from disparo.domain.phone import parse_phone
from disparo.domain.recipients import Contact, Register, drop, list_candidates


def register(*phones, contacts=()):
    return Register(1, "ANA", "SP", [*phones], [*contacts])


def seen(candidates):
    return [(r.phone.national, str(r.origin), r.contact_id, r.name) for r in candidates.recipients]


def ignored(candidates):
    return [(item.phone, str(item.reason)) for item in candidates.ignored]


def test_register_then_contacts_then_additional():
    found = list_candidates(
        register(
            ("11988880001", True), ("11988880002", True), contacts=[Contact(7, "BIA", "11988880003", True)]
        ),
        [parse_phone("11988880004")],
    )
    assert seen(found) == [
        ("11988880001", "customer", None, "ANA"),
        ("11988880002", "customer", None, "ANA"),
        ("11988880003", "contact", 7, "BIA"),
        ("11988880004", "extra", None, "ANA"),
    ]


def test_one_per_normalised_number():
    found = list_candidates(
        register(("11988880001", True), ("1188880001", True)), [parse_phone("+55 11 98888-0001")]
    )
    assert seen(found) == [("11988880001", "customer", None, "ANA")]
    assert ignored(found) == []


def test_what_is_left_out_is_listed_with_its_reason():
    found = list_candidates(
        register(
            ("1133334444", True),
            ("11988880002", False),
            ("lixo 12", True),
            contacts=[Contact(7, "BIA", "11988880003", False)],
        ),
        [parse_phone("2133334444")],
    )
    assert seen(found) == []
    assert ignored(found) == [
        ("1133334444", "landline"),
        ("11988880002", "no_permission"),
        ("12", "invalid"),
        ("11988880003", "no_permission"),
        ("2133334444", "landline"),
    ]


def test_a_number_without_permission_goes_when_the_caller_names_it():
    found = list_candidates(register(("11988880002", False)), [parse_phone("11988880002")])
    assert seen(found) == [("11988880002", "extra", None, "ANA")]
    assert ignored(found) == []


def test_who_gets_it_is_not_left_out_under_the_older_spelling_of_the_number():
    found = list_candidates(register(("1188880001", False), ("11988880001", True)), [])
    assert seen(found) == [("11988880001", "customer", None, "ANA")]
    assert ignored(found) == []
    unpermitted = list_candidates(register(("1188880001", False), ("11988880001", False)), [])
    assert ignored(unpermitted) == [("1188880001", "no_permission")]


def test_an_opted_out_number_is_never_messaged_not_even_as_an_additional_one():
    found = list_candidates(register(("11988880001", True)), [parse_phone("11988880002")])
    left = drop(found, opted_out={"+5511988880001", "+5511988880002"})
    assert seen(left) == []
    assert ignored(left) == [("11988880001", "opted_out"), ("11988880002", "opted_out")]


def test_filler_in_the_register_is_ignored():
    assert ignored(list_candidates(register(("11999999999", True)), [])) == [("11999999999", "invalid")]
