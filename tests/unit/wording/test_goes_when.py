"""What is said of when a message that waits will go is so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from disparo.wording.reason_words import goes_when

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
WAITS = {
    "status": "queued",
    "due_at": NOW + timedelta(hours=1),
    "opted_out": False,
    "run_state": None,
    "is_withdrawn": False,
}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, "Sai a partir de 30/11/2026 13:00."),
        ({"due_at": NOW}, "A hora de sair já chegou: espera a vez, ou uma plataforma."),
        ({"run_state": "paused"}, "O disparo está pausado: não sai até alguém o retomar."),
        # It was being handed over when its dispatch was cancelled, and was not taken: said to go soon.
        ({"is_withdrawn": True}, "O disparo foi cancelado: não sai, será cancelada na hora."),
        (
            {"is_withdrawn": True, "run_state": "cancelled"},
            "O disparo foi cancelado: não sai, será cancelada na hora.",
        ),
        ({"status": "cancelled", "is_withdrawn": True}, ""),
    ],
)
def test_it_is_told_when_a_message_goes_or_that_it_does_not(said, shown):
    assert goes_when({**WAITS, **said}, NOW, UTC) == shown
