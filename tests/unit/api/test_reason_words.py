"""Clients of the API read in Portuguese why a message is where it is."""

from __future__ import annotations

import pytest

from disparo.api.hubsoft.words import reason_word
from disparo.domain.outcome import FailureClass


@pytest.mark.parametrize("failure", FailureClass)
def test_each_class_of_failure_has_a_word(failure):
    assert reason_word(failure) not in (None, str(failure))


def test_a_code_of_a_platforms_own_stays():
    assert reason_word("E-17") == "E-17"
