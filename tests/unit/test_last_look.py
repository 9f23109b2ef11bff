"""What the last look says of a message whose hours are open: is the number still there, and may it be written to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.test_purpose_of_the_day import RULES, at, facts

from disparo.dispatch.rules import Drop, Wait, objection
from disparo.domain.message import Event

#: No number stands anywhere, nor is one permitted.
EMPTY = {
    **{f"phone_{n}": None for n in (1, 2, 3)},
    **{f"phone_{n}_allowed": False for n in (1, 2, 3)},
    "contact_phone": None,
    "contact_allowed": None,
}


def look(**found):
    row = {**facts("requested", at(27, 12)), "origin": "customer", **EMPTY, "phone_1": "21988887777"}
    return objection({**row, "phone_1_allowed": True, **found}, RULES)


@pytest.mark.parametrize(
    "register",
    [
        {"phone_1": "21988887777"},
        {"phone_1": "2188887777"},  # without its ninth digit
        {"phone_1": "(21) 3333-4444 / (21) 98888-7777"},
        {"phone_1_allowed": False, "phone_3": "21988887777", "phone_3_allowed": True},
        {"phone_1": None, "phone_2": "+55 21 98888-7777", "phone_2_allowed": True},
        {"origin": "contact", "phone_1": None, "contact_phone": "2188887777", "contact_allowed": True},
        {"origin": "extra", "phone_1": None},  # it came with the call
    ],
)
def test_a_number_that_is_registered_and_permitted_somewhere_goes(register):
    assert look(**register) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"phone_1": None}, "number_gone"),
        ({"phone_1": "21988887776"}, "number_gone"),
        ({"phone_1": "não tem"}, "number_gone"),
        ({"origin": "contact"}, "number_gone"),  # that the customer has it says nothing of the contact
        ({"phone_1_allowed": False}, "permission_withdrawn"),
        (
            {"phone_1_allowed": False, "phone_2": "21988887776", "phone_2_allowed": True},
            "permission_withdrawn",
        ),
        ({"origin": "contact", "contact_phone": "21988887777"}, "permission_withdrawn"),
        ({"opted_out": True}, "opted_out"),
        ({"opted_out": True, "origin": "extra"}, "opted_out"),
        ({"invoice_exists": False}, "invoice_gone"),
        ({"invoice_status": "cancelled"}, "invoice_cancelled"),
    ],
)
def test_what_must_not_go_is_dispensed_and_says_why(change, reason):
    assert look(**change) == Drop(Event.SKIP, reason)


def test_a_cancelled_one_ends_and_one_of_a_paused_run_waits_whatever_else_is_wrong():
    assert look(is_cancelled=True, run_state="paused", opted_out=True) == Drop(Event.CANCEL, "cancelled")
    assert look(run_state="paused", opted_out=True, due_at=at(27, 11)) == Wait(at(27, 11), "paused")
    assert look(run_state="running") is None


@pytest.mark.parametrize(
    ("purpose", "since", "verdict"),
    [
        ("requested", timedelta(days=2), None),
        ("requested", timedelta(days=2, seconds=1), Drop(Event.EXPIRE, "timeout")),
        ("notice", timedelta(days=4, hours=1), Drop(Event.EXPIRE, "timeout")),
        ("notice", timedelta(days=3), None),  # of which it could go in 36 hours
    ],
)
def test_it_runs_out_by_the_hours_in_which_it_could_have_gone(purpose, since, verdict):
    assert look(purpose=purpose, wait_since=at(27, 12) - since) == verdict
