"""A real platform before real sending is allowed: the panel does not say that it is in use."""

from __future__ import annotations

import json

import pytest
from tests.support.house import house as run_house
from tests.support.visitor import text, visitor

REAL = {"type": "generic_http", "url": "http://127.0.0.1:1/", "json": {"texto": "{texto}"}}

RESERVE = {"type": "simulator", "url": "http://127.0.0.1:1/", "weight": 0}


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    settings = {"DISPARO_PLATFORMS": json.dumps({"nenhures": REAL, "reserva": RESERVE})}
    with run_house(new_database(), tmp_path_factory.mktemp("house"), overrides=settings) as house:
        yield house


def test_a_platform_that_the_guard_stops_is_not_said_to_be_in_use(house):
    person = visitor(house)
    page = text(person.get("/painel/plataformas"))
    assert "nenhures (por HTTP) só números de teste" in page
    assert "O envio real está desligado: só números de teste recebem" in page
    assert "em uso" not in page
    tested = text(person.post("/painel/plataformas/nenhures/testar", telefone="11988887777"))
    assert "Teste: a plataforma recusou" in tested
    assert "Detalhe: o envio real está desligado." in tested


def test_a_platform_that_gets_no_new_messages_is_not_said_to_be_in_use(house):
    page = text(visitor(house).get("/painel/plataformas"))
    assert "reserva (simulada: nenhum SMS de verdade) não recebe novas" in page
    assert "nenhuma mensagem nova vai por ela." in page
