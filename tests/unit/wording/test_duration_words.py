"""How long something takes, as people say it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from disparo.wording.duration_words import duration, starts_later, too_slow


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "1 s"),
        (31, "31 s"),
        (95, "1 min 35 s"),
        (3600, "1 h 0 min"),
        (19_260, "5 h 21 min"),
        (86_400, "1 dia"),
        (270_000, "3 dias e 3 h"),
    ],
)
def test_in_its_two_largest_units(seconds, said):
    assert duration(seconds) == said


def test_who_takes_longer_than_a_message_may_wait_is_told_what_to_do():
    assert too_slow(None, timeout_s=60) is too_slow(60, timeout_s=60) is None
    assert "no máximo 48 h de horário de envio" in (too_slow(172_801, timeout_s=172_800) or "")


def test_from_when_they_go_who_are_outside_their_hours():
    first, last = (datetime(2026, 11, 30, hour, tzinfo=UTC) for hour in (8, 9))
    assert starts_later({}, of=3, zone=UTC) is None
    assert starts_later({first: 3}, of=3, zone=UTC) == (
        "Agora está fora do horário de envio: começa a sair em 30/11/2026 08:00."
    )
    assert starts_later({last: 1, first: 1}, of=3, zone=UTC) == (
        "2 SMS estão agora fora do horário de envio: a partir de 30/11/2026 08:00; os últimos, em 30/11/2026 09:00. "
        "Os outros saem já."
    )
