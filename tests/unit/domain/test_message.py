"""The transition table: what may follow what."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from disparo.db.pool import sql
from disparo.domain.message import (
    AFTER_A_START,
    EVENT_OF_OUTCOME,
    FINAL,
    GONE,
    NEVER_SENT,
    OF_CANCELLED,
    OF_GIVEN_AS_SENT,
    SETTLED,
    TRANSITIONS,
    WITHDRAWABLE,
    Event,
    Status,
    count_in,
    move,
    transition_table,
)
from disparo.domain.outcome import OutcomeKind

SQL = Path(__file__).parents[3] / "src/disparo/db/sql"


def test_every_outcome_has_an_event():
    assert set(EVENT_OF_OUTCOME) == set(OutcomeKind)


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.DELIVERED])
def test_delivered_overrides_every_other_status(status):
    assert move(status, Event.RECEIPT_DELIVERED) is Status.DELIVERED


@pytest.mark.parametrize("event", list(Event))
def test_nothing_moves_a_delivered_message(event):
    assert move(Status.DELIVERED, event) is None


@pytest.mark.parametrize("status", sorted(FINAL - {Status.DELIVERED}))
def test_a_final_status_gives_way_to_a_delivery_only(status):
    assert {event for (before, event) in TRANSITIONS if before is status} == {Event.RECEIPT_DELIVERED}


def test_late_carrier_receipt_does_not_undo_a_failure():
    assert move(Status.UNDELIVERED, Event.RECEIPT_SENT) is None


def test_only_a_claimed_message_can_be_started():
    assert [before for (before, event) in TRANSITIONS if event is Event.START] == [Status.CLAIMED]


def test_what_may_have_left_is_uncertain_again_whatever_keeps_it_from_being_sent_again():
    withdrawals = {Event.SKIP, Event.FAIL, Event.EXPIRE, Event.CANCEL, Event.OUTCOME_REFUSED}
    for (before, event), after in TRANSITIONS.items():
        again = move(before, event, may_have_left=True)
        assert again is (Status.UNCERTAIN if event in withdrawals else after)
    assert {event for _, event in AFTER_A_START} == withdrawals
    assert move(Status.SENDING, Event.CANCEL, may_have_left=True) is None


def test_cancel_never_touches_what_may_have_left():
    assert {"queued", "claimed", "held"} == WITHDRAWABLE


def test_each_status_is_one_of_what_comes_back_what_never_left_and_what_is_gone():
    assert sorted([*WITHDRAWABLE, *NEVER_SENT, *GONE]) == sorted(Status)
    assert {"sending", "uncertain", "accepted", "sent", "delivered", "undelivered"} == GONE
    assert {"queued", "claimed", "sending", "held", "uncertain"} == set(Status) - SETTLED
    assert count_in({"queued": 2, "held": 3, "sent": 5}, WITHDRAWABLE) == 5


def test_an_uncertain_message_waits_again_only_by_resend_or_proof_that_it_was_not_taken():
    back = {
        event
        for (before, event), after in TRANSITIONS.items()
        if (before, after) == (Status.UNCERTAIN, "queued")
    }
    assert back == {Event.RESEND, Event.OUTCOME_NOT_TAKEN, Event.OUTCOME_NOT_STARTED}


def test_what_sql_gets_holds_the_whole_table():
    found = {tuple(move.split(" ")): after for move, after in json.loads(transition_table()).items()}
    assert found == {
        **{(str(before), str(event)): str(after) for (before, event), after in TRANSITIONS.items()},
        **{
            (str(before), str(event), "again"): str(after) for (before, event), after in AFTER_A_START.items()
        },
        **{
            (str(before), str(event), "cancelled"): str(after)
            for (before, event), after in OF_CANCELLED.items()
        },
        **{
            (str(before), str(event), "given"): str(after)
            for (before, event), after in OF_GIVEN_AS_SENT.items()
        },
    }


def test_moves_written_out_in_sql_stand_in_the_table():
    """Hot statements name their states, for the sake of partial indexes: `-- event: before -> after`."""
    found = 0
    for path in SQL.glob("*.sql"):
        head = "".join(line for line in path.read_text().splitlines(keepends=True) if line.startswith("--"))
        for event, before, after in re.findall(r"(\w+): (\w+) -> (\w+)", head):
            assert move(Status(before), Event(event)) is Status(after), f"{path.name}: {event}"
            found += 1
    assert found >= 9


def test_statements_are_found_by_name():
    assert sql("claim").startswith("-- claim")
