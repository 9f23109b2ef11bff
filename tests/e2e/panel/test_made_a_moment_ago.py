"""An invoice that HubSoft made a moment ago: its customer is on the phone, and the panel sends it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.support.house import house as run_house
from tests.support.hubsoft import HubsoftStandIn, settings_for
from tests.support.visitor import text, visitor


@pytest.fixture(scope="module")
def there():
    with HubsoftStandIn(20, 40).running() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, there):
    settings = settings_for(there, DISPARO_SYNC_EVERY_S="600")
    with run_house(new_database(), tmp_path_factory.mktemp("house"), overrides=settings) as house:
        house.until(lambda: house.value("SELECT finished_at FROM sync_states"), seconds=40)
        yield house


def test_a_single_invoice_that_nobody_knows_is_looked_for_there(house, there):
    person = visitor(house)
    there.add_invoice(900_001, 7)
    page = text(person.post("/painel/disparos/novo", faturas="900001"))
    assert "não está no cadastro" not in page
    assert "Enviar 1 SMS" in page
    sent = person.post("/painel/disparos", faturas="900001", disparo=str(uuid4()))
    assert house.value("SELECT invoice_id FROM messages") == 900_001, text(sent)


def test_one_that_is_not_there_either_is_said_to_be_unknown(house):
    page = text(visitor(house).post("/painel/disparos/novo", faturas="900002"))
    assert "1 fatura não está no cadastro" in page


def test_while_hubsoft_does_not_answer_nobody_is_told_that_an_invoice_does_not_exist(house, there, client):
    there.add_invoice(900_003, 7)
    there.fail_after = 0
    try:
        refused = client.send({"id_fatura": 900_003})
        page = text(visitor(house).post("/painel/disparos/novo", faturas="900003"))
    finally:
        there.fail_after = None
    assert (refused.status, refused.headers["retry-after"]) == (503, "15")
    assert refused.json == {
        "status": "error",
        "msg": "A fatura de ID 900003 não está no cadastro, e o HubSoft, onde ela pode estar, não respondeu. "
        "Nada foi agendado; tente novamente em instantes.",
        "errors": [],
    }
    assert "não está no cadastro, e o HubSoft, onde ela pode estar, não respondeu" in page
    assert client.send({"id_fatura": 900_003}).status == 200


def test_one_that_hubsoft_does_not_have_either_is_refused(client):
    refused = client.send({"id_fatura": 900_004})
    assert (refused.status, refused.json["msg"]) == (422, "Fatura de ID 900004 não encontrada")
