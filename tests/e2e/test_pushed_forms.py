"""`PUT cliente` as a form, as programs of older systems send it."""

from __future__ import annotations

import pytest
from tests.support.hubsoft import BASE

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("kind", [FORM, "application/json"])
@pytest.mark.parametrize("name", ["JO%C3O", "JO%C3%83O", "JOÃO".encode("cp1252"), "JOÃO".encode()])
def test_a_name_is_stored_as_it_was_meant_in_whichever_alphabet(client, house, kind, name):
    house.fetch("DELETE FROM customers WHERE id = 2120")
    body = b"id_cliente=2120&nome_razaosocial=" + (name if isinstance(name, bytes) else name.encode())
    answer = client.call("PUT", f"{BASE}/cliente", body, headers={"Content-Type": kind})
    assert (answer.status, answer.json["gravados"]) == (200, 1)
    assert house.value("SELECT name FROM customers WHERE id = 2120") == "JOÃO"


@pytest.mark.parametrize(
    ("what", "item"),
    [
        ("cliente", "nome_razaosocial=ANA&servicos[0][id_cliente_servico]=7&servicos[0][nome]=700 MEGA"),
        ("cliente", "nome_razaosocial=ANA&contatos[0][id_contato]=7120&contatos[0][telefone]=11988887777"),
        ("fatura", "id_fatura=92201&valor=50,00&data_vencimento=2026-12-10&detalhamento[0][valor]=50,00"),
    ],
)
def test_a_list_within_a_form_is_told_to_come_as_json_and_nothing_is_emptied(client, house, what, item):
    before = [{"id_cliente_servico": 5, "nome": "600 MEGA"}]
    whole = {"id_cliente": 2121, "nome_razaosocial": "ANA", "servicos": before}
    assert client.call("PUT", f"{BASE}/cliente", whole).status == 200
    answer = client.call("PUT", f"{BASE}/{what}", f"id_cliente=2121&{item}", headers={"Content-Type": FORM})
    assert (answer.status, "só é aceita como JSON" in answer.json["msg"]) == (422, True)
    assert house.value("SELECT services -> 0 ->> 'name' FROM customers WHERE id = 2121") == "600 MEGA"
    assert house.value("SELECT count(*) FROM invoices WHERE customer_id = 2121") == 0
