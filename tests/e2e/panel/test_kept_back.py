"""A real platform before real sending is allowed: the panel does not say that it is in use."""

from __future__ import annotations

import json

import pytest
from tests.support.hours import closed_hours
from tests.support.house import house as run_house
from tests.support.visitor import text, visitor

REAL = {"type": "generic_http", "url": "http://127.0.0.1:1/", "json": {"texto": "{texto}"}}

_NOWHERE = {"type": "simulator", "url": "http://127.0.0.1:1/"}
OTHERS = {
    "reserva": {**_NOWHERE, "weight": 0},
    "fechada": {**_NOWHERE, "hours": closed_hours()},
    "cheia": {**_NOWHERE, "per_day": 5, "segments": {"max_parts": 1}},
}


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    settings = {"DISPARO_PLATFORMS": json.dumps({"nenhures": REAL, **OTHERS})}
    with run_house(new_database(), tmp_path_factory.mktemp("house"), overrides=settings) as house:
        house.fetch("INSERT INTO platform_day_use VALUES ('cheia', now() - interval '20 h', 5)")
        yield house


def test_a_platform_that_the_guard_stops_is_not_said_to_be_in_use(house):
    person = visitor(house)
    page = text(person.get("/painel/plataformas"))
    assert "nenhures (por HTTP) só números de teste" in page
    assert "O envio real está desligado: só números de teste recebem" in page
    assert "em uso" not in page
    answer = person.post("/painel/plataformas/nenhures/testar", telefone="11988887777")
    assert answer.status == 303  # a reload tests nothing
    tested = text(person.get(answer.headers["location"]))
    assert "Teste: a plataforma recusou" in tested
    assert "Detalhe: o envio real está desligado." in tested


def test_a_platform_that_gets_no_new_messages_is_not_said_to_be_in_use(house):
    page = text(visitor(house).get("/painel/plataformas"))
    assert "reserva (simulada: nenhum SMS de verdade) não recebe novas" in page
    assert "nenhuma mensagem nova vai por ela." in page


def test_a_platform_out_of_its_hours_or_with_a_full_day_is_not_said_to_be_in_use(house):
    page = text(visitor(house).get("/painel/plataformas"))
    assert "fechada (simulada: nenhum SMS de verdade) fora do horário" in page
    assert f"ela só é usada das {closed_hours().replace('-', ' às ')}." in page
    assert "cheia (simulada: nenhum SMS de verdade) limite de 24 horas atingido" in page
    assert "o que espera sai quando houver lugar." in page


def test_no_test_is_longer_than_its_platform_hands_on_whole(house):
    asked = {"telefone": "11988887777", "texto": "…" * 60}  # three points each
    answer = visitor(house).post("/painel/plataformas/cheia/testar", **asked)
    assert answer.status == 422
    assert "O texto ocupa 2 SMS, e o limite desta plataforma é 1." in text(answer)


def test_no_test_goes_to_a_number_that_opted_out(house):
    house.fetch("INSERT INTO opt_outs (e164, reason, actor) VALUES ('+5511900000077', 'inbound', 'x')")
    answer = visitor(house).post("/painel/plataformas/nenhures/testar", telefone="11900000077")
    assert answer.status == 422
    assert "Este número está descadastrado: nenhum SMS vai para ele, nem de teste." in text(answer)
    platforms = {"DISPARO_PLATFORMS": json.dumps({"reserva": _NOWHERE})}
    told = house.command("plataforma", "testar", "reserva", "--telefone", "11900000077", **platforms)
    assert (told.returncode, "Este número está descadastrado" in told.stderr) == (1, True)
    assert house.value("SELECT count(*) FROM audit_log WHERE detail->>'number' LIKE '%0077'") == 0
