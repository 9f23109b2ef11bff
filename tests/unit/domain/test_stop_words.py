"""Whoever asks for no more, in whatever way they type it."""

from __future__ import annotations

import pytest

from disparo.domain.stop_words import asks_to_stop


@pytest.mark.parametrize(
    "text",
    [
        "SAIR",
        "sair",
        " Sair ",
        "PARAR",
        "pare",
        "PÁRE",
        "Cancelar!",
        '"STOP"',
        "stop.",
        "\tsaír\n",
        "ＳＡＩＲ",
        "\ufffdS\ufffdA\ufffdI\ufffdR",
    ],
)
def test_the_words_in_any_form(text):
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text", ["", " ", "SAI", "não quero sair", "paguei", "SAIR SAIR", "CANCELAR FATURA", "sair" + "!" * 200]
)
def test_anything_else_is_a_text_like_others(text):
    assert not asks_to_stop(text)
