"""Whose hours a message keeps: those of what it is on the day it goes (docs/delivery.md §5)."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from disparo.dispatch.rules import Rules, Wait, objection

ZONE = ZoneInfo("America/Sao_Paulo")
RULES = Rules("X", None, ZONE, 3, allow_paid=False, is_holiday=lambda *_: False)
FRIDAY = date(2026, 11, 27)


def facts(purpose, now, *, uf="RJ", e164="+5521988887777", due_date=FRIDAY):
    return {
        "is_cancelled": False,
        "run_state": None,
        "invoice_exists": True,
        "is_anothers": False,
        "invoice_status": "open",
        "amount": 10,
        "opted_out": False,
        "origin": "extra",
        "timeout_s": 172_800,
        "wait_since": now,
        "now": now,
        "purpose": purpose,
        "due_date": due_date,
        "uf": uf,
        "e164": e164,
    }


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


def opens(found):
    assert isinstance(found, Wait)
    return found.until.astimezone(ZONE)


@pytest.mark.parametrize("purpose", ["notice", "by_due_date"])
def test_a_notice_that_waits_past_the_due_date_keeps_the_hours_of_a_collection(purpose):
    """Due on Friday, put off on Friday evening: on Saturday a debt may not be asked for in Rio."""
    assert opens(objection(facts(purpose, at(27, 20, 30)), RULES)) == at(30, 9)
    assert opens(objection(facts(purpose, at(28, 10)), RULES)) == at(30, 9)
    assert objection(facts(purpose, at(27, 19, 30)), RULES) is None


def test_what_is_asked_for_or_a_collection_from_the_start_stays_what_it_is():
    assert objection(facts("requested", at(28, 23)), RULES) is None
    early = facts("collection", at(27, 19, 30), due_date=date(2026, 12, 24))
    assert opens(objection(early, RULES)) == at(30, 9)
