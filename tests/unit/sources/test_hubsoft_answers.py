"""What HubSoft's servers answer, read for what it is worth."""

from __future__ import annotations

import pytest

from disparo.sources.hubsoft_answers import lifetime_s


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(60, 60.0), ("60", 60.0), (None, 3600.0), ("uma hora", 3600.0), ([60], 3600.0), (0, 3600.0)],
)
def test_a_token_lives_as_long_as_it_says_or_an_hour(told, seconds):
    assert lifetime_s(told) == seconds
