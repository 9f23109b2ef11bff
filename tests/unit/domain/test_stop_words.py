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
        "!\nSAIR\n!",
        "S A I R",
        "S.A.I.R.",
        "s-a-i-r",
        " p a\tre .",
        "SA\u200bIR",  # a space of no width, as copied from a page
        "CAN\u00adCELAR",
        "Sair\n\nEnviado do meu Galaxy",  # phones put a signature below, or what is answered
        "\r\nPARE.\r\n> FIBRA: Ana, sua fatura de R$ 99,90 vence em 05/12/2026. Pague em https://f.example/"
        + "9" * 60,
    ],
)
def test_the_words_in_any_form(text):
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "nao quero mais, SAIR",
        "Não quero mais receber isso. SAIR!",
        "PARE, ja paguei",
        "ja paguei! PARAR. obrigado",
        "chega - STOP",
        "NAO QUERO MAIS: SAIR",
    ],
)
def test_one_in_capitals_that_stands_alone_among_others(text):
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "SAI",
        "não quero sair",
        "paguei",
        "SAIR SAIR",
        "CANCELAR FATURA",
        "sair" + "!" * 200,
        "paguei\nsair",
        "vou sair de férias",
        "vou viajar, sair de férias e pago na volta",
        "entrar e, depois, sair",  # not set apart: as anybody writes
        "vou SAIR de casa",
        "Nao quero PARAR de receber",
        "a internet caiu, mandei PARAR tudo",
        "quero a segunda via, nao SAIR",
        "o que acontece se eu responder, SAIR?",
        "mudei de provedor, CANCELAR",  # the contract, more likely than the texts
        "paguei ontem. > FIBRA: Ana, sua fatura de R$ 99,90 vence em 05/12/2026. Pague em https://f.example/1. SAIR",
    ],
)
def test_anything_else_is_a_text_like_others(text):
    assert not asks_to_stop(text)
