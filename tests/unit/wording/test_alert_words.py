"""Of each kind of alert people read that it began, and that it is over: never its name alone."""

from __future__ import annotations

import pytest

from disparo.db import alerts
from disparo.wording import alert_words

KINDS = sorted(
    value
    for name, value in vars(alerts).items()
    if name.isupper() and isinstance(value, str) and value != alerts.UNWATCHED
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cleared_at", [None, "2026-11-29"])
def test_each_kind_has_words(kind, cleared_at):
    alert = {"kind": kind, "subject": "p", "detail": "12,50", "cleared_at": cleared_at}
    _, text = alert_words.say(alert)
    assert kind not in text


def test_there_are_no_words_for_a_kind_that_nothing_raises():
    assert sorted(alert_words.KINDS) == KINDS
