"""What the preview of a template warns of: what costs more, and what would not arrive as it is written."""

from __future__ import annotations

import pytest
from tests.support.visitor import text, visitor


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


def previewed(person, template):
    return text(person.post("/painel/modelo/previa", modelo=template, fatura="11000"))


def test_none_is_shown_as_what_it_is(person):
    """Of an emptied field the configured text was shown, which saving then refused."""
    assert "O modelo precisa de {valor} e {vencimento}." in previewed(person, "")


def test_signs_that_carriers_do_not_pass_on_are_named(person):
    shown = previewed(person, "{marca} [2a via]: {valor} ate {vencimento} ~ {link}")
    assert "Podem não chegar ao celular: [ ] ~" in shown
    assert "O texto tem acentos" not in shown


@pytest.mark.parametrize(
    "written", ["{marca} (2a via): {valor} {vencimento}", "Amanhã {vencimento} [{valor}]"]
)
def test_others_and_those_among_accents_arrive(person, written):
    assert "não chegar" not in previewed(person, written)


@pytest.mark.parametrize("typed", ["70.219", "#70219", " 70219 "])
def test_the_preview_is_of_the_invoice_that_was_typed(person, typed):
    assert "R$ 59,90" in text(
        person.post("/painel/modelo/previa", modelo="{valor} {vencimento}", fatura=typed)
    )


def test_of_what_is_no_invoice_none_is_shown(person):
    """The newest one's was, as if it were the one that was typed."""
    shown = text(person.post("/painel/modelo/previa", modelo="{valor} {vencimento}", fatura="7021x"))
    assert "A fatura 7021x não existe no cadastro." in shown
    assert "R$" not in shown
