"""`PUT cliente`: contacts, whose ids are theirs alone among all customers."""

from __future__ import annotations

import pytest
from tests.support.hubsoft import BASE

ANA = {"id_cliente": 2301, "nome_razaosocial": "ANA"}
BIA = {"id_cliente": 2302, "nome_razaosocial": "BIA"}
CONTACT = {"id_contato": 2310, "nome": "CAIO", "telefone": "11987650010"}


def put(client, *items):
    answer = client.call("PUT", f"{BASE}/cliente", {"clientes": list(items)})
    assert answer.status == 200, answer.raw
    return answer.json


def phones(house, customer):
    return [
        row[0]
        for row in house.fetch("SELECT phone FROM contacts WHERE customer_id = $1", customer["id_cliente"])
    ]


def test_a_contact_that_is_taken_from_another_customer_is_told(client, house):
    assert "avisos" not in put(client, {**ANA, "contatos": [CONTACT]})
    assert "avisos" not in put(client, {**ANA, "contatos": [CONTACT]})
    found = put(client, {"id_cliente": 2303, "nome_razaosocial": "DORA"}, {**BIA, "contatos": [CONTACT]})
    told = "O contato de ID 2310 era do cliente de ID 2301, que não o tem mais"
    assert found["avisos"] == [{"indice": 1, "id": 2302, "mensagem": told}]
    assert (phones(house, ANA), phones(house, BIA)) == ([], ["11987650010"])
    # Its customers' own lists say so: nothing to be told.
    assert "avisos" not in put(client, {**ANA, "contatos": [CONTACT]}, {**BIA, "contatos": []})
    assert (phones(house, ANA), phones(house, BIA)) == (["11987650010"], [])


@pytest.mark.parametrize("nothing", [{}, {"telefone": None}, {"telefone": " "}])
def test_a_contact_whose_phone_is_empty_has_its_mobile(client, house, nothing):
    bare = {"id_contato": 2311, "nome": "CAIO", **nothing}
    put(client, {**ANA, "contatos": [{**bare, "celular": "11987650011"}]})
    assert phones(house, ANA) == ["11987650011"]
    put(client, {**ANA, "contatos": [{**bare, "telefone": "11987650012", "celular": ""}]})
    assert phones(house, ANA) == ["11987650012"]


def test_a_mobile_that_is_none_is_named_as_it_was_sent(client):
    contact = {"id_contato": 2312, "nome": "CAIO", "celular": "5,51199E+12"}
    answer = client.call("PUT", f"{BASE}/cliente", {"clientes": [{**ANA, "contatos": [contact]}]})
    assert answer.json["errors"][0].startswith("item 0: celular foi cortado"), answer.raw
