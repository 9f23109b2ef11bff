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
