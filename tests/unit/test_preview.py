"""What is said of a text before it goes is so for the platform that it would go by."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from disparo.dispatch.preview import preview
from disparo.settings import load_settings

SMSC = {"type": "smpp", "host": "127.0.0.1", "system_id": "provedor", "password": "x"}
SHORT = {"single": 152, "part": 152, "ucs2_single": 66, "ucs2_part": 66}
FACTS = {
    "customer_name": "ANA",
    "amount": Decimal(10),
    "due_date": date(2199, 1, 2),
    "link": None,
    "linha_digitavel": None,
    "pix": None,
}


@pytest.mark.parametrize(
    ("said", "word", "letters", "is_plain"),
    [
        ({}, "ate", 160, True),
        ({}, "até", 160, True),
        ({}, "não", 70, False),
        ({"alphabet": "ascii"}, "até", 70, False),  # it was said to have no accents
        ({"alphabet": "latin1"}, "não", 160, True),  # it was said to hold 70 letters
        ({"segments": SHORT}, "não", 66, False),
        ({"segments": SHORT}, "nao", 152, True),
    ],
)
def test_accents_are_told_of_as_the_platform_counts_them(said, word, letters, is_plain):
    settings = load_settings(platforms={"smsc": {**SMSC, **said}})
    found = preview(FACTS, f"{word} {{valor}} {{vencimento}} " + "x" * 60, settings)
    assert (found.letters, found.is_plain) == (letters, is_plain)
    assert found.segments == (1 if is_plain else 2)
