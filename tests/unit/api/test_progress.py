"""How far a dispatch is, as a program reads it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from disparo.api.hubsoft.mapping import dispatch_summary

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def percent(counts, run_state="running"):
    row = {
        "id": UUID(int=1),
        "run_state": run_state,
        "purpose": "requested",
        "queue": "sms",
        "invoice_ids": [],
        "created_at": NOW,
        "starts_at": NOW,
        "counts": json.dumps(counts),
    }
    return dispatch_summary(row, ZoneInfo("America/Sao_Paulo"))["progresso"]["percentual"]


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"delivered": 999_999, "queued": 1}, 99.9),
        ({"delivered": 1999, "uncertain": 1}, 99.9),
        ({"delivered": 2, "queued": 1}, 66.6),
        ({"accepted": 2, "failed": 1}, 100.0),
        ({"queued": 3}, 0.0),
    ],
)
def test_a_hundred_percent_is_said_of_what_is_over_alone(counts, said):
    assert percent(counts) == said
