"""The statement of what platforms took, to be held against their bill."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from tests.support.house import house as run_house
from tests.support.stage import free_port
from tests.support.visitor import text, visitor

_PATH = "/painel/plataformas/extrato.csv"


def today():
    """When a test runs, and not when it was read: a run of the tests may cross midnight."""
    return datetime.now(ZoneInfo("America/Sao_Paulo")).date()


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    port = free_port()
    table = {"type": "simulator", "url": f"http://127.0.0.1:{port}", "webhook_secret": "ensaio"}
    settings = {"DISPARO_PLATFORMS": json.dumps({"simulador": {**table, "cost_per_segment": "0.085"}})}
    folder = tmp_path_factory.mktemp("house")
    with run_house(new_database(), folder, overrides=settings, simulator_port=port) as house:
        yield house


def sent(house, client, state, **behaviour):
    house.behave(**behaviour)
    answer = client.send({"id_fatura": 11000})
    house.until_state(client, answer, state)


def test_each_day_and_platform_with_what_it_took_and_what_that_costs(house, client):
    last = today()
    first = last - timedelta(days=300)
    sent(house, client, "entregue", mode="accept", receipts=["sent", "delivered"])
    sent(house, client, "entregue", mode="error_taken", receipts=["sent", "delivered"])
    sent(house, client, "nao_entregue", mode="accept", receipts=["undelivered"])
    sent(house, client, "enviada_a_operadora", mode="accept", receipts=["sent"])
    sent(house, client, "incerta", mode="error_taken", receipts=[])
    sent(house, client, "falhou", mode="refuse", code="content", receipts=[])
    person = visitor(house)
    answer = person.get(f"{_PATH}?de={first}&ate={last}")
    assert answer.status == 200
    assert f'filename="extrato-{first}-a-{last}.csv"' in answer.headers["content-disposition"]
    (line,) = csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig")), delimiter=";")
    segments = house.value("SELECT sum(segments) FROM messages WHERE status NOT IN ('uncertain', 'failed')")
    assert line == {
        "dia": f"{last:%d/%m/%Y}",
        "plataforma": "simulador",
        "entregues à plataforma": "4",
        "segmentos": str(segments),
        "custo (R$)": f"{segments * 85 / 1000:.3f}".replace(".", ","),
        "entregues ao aparelho": "2",
        "não entregues": "1",
        "sem confirmação": "1",
        "incertas": "1",
    }
    days = f"de: {first:%d/%m/%Y}, até: {last:%d/%m/%Y}"
    assert f"exportou uma lista lista: extrato, {days}" in text(person.get("/painel/auditoria"))


def test_a_period_is_asked_for_in_words(house):
    person = visitor(house)
    assert f'value="{today()}"' in person.get("/painel/plataformas").raw.decode()
    for query, said in {
        "": "Informe o primeiro e o último dia do extrato.",
        f"?de={today()}": "Informe o primeiro e o último dia do extrato.",
        "?de=2024-01-01&ate=2026-01-01": "Peça o extrato de um ano de cada vez.",
        "?de=2026-02-31&ate=2026-03-01": "não é um dia",
    }.items():
        answer = person.get(_PATH + query)
        assert answer.status in (400, 422), query
        assert said in text(answer)
        for name, day in parse_qsl(query.removeprefix("?")):
            assert f'name="{name}" type="date" value="{day}"' in answer.raw.decode()
    future = person.get(f"{_PATH}?de=2999-01-01&ate=2999-02-01")
    assert future.status == 200
    assert future.raw.decode("utf-8-sig").count("\r\n") == 1
