"""`PUT cliente`: leave to send SMS, by each of the names that people know it by."""

from __future__ import annotations

import json

import pytest
from tests.support.hubsoft import BASE

from disparo.sources import hubsoft_names as names

ANA = {"id_cliente": 2101, "nome_razaosocial": "ANA", "telefone_primario": "11987650001"}


def allowed(house):
    row = house.fetch(
        "SELECT phone_1_allowed, phone_2_allowed, phone_3_allowed FROM customers WHERE id = $1",
        ANA["id_cliente"],
    )[0]
    return list(row)


def put(client, item):
    answer = client.call("PUT", f"{BASE}/cliente", {"clientes": [item]})
    assert answer.status == 200, answer.raw


@pytest.mark.parametrize("name", ["permite_sms", "permite_enviar_sms", "enviar_sms", "recebe_sms"])
def test_one_word_for_all_phones_holds_for_those_without_their_own(client, house, name):
    put(client, {**ANA, name: "nao", "permite_sms_secundario": True})
    assert allowed(house) == [False, True, False]
    put(client, ANA)
    assert allowed(house) == [False, True, False]
    put(client, {**ANA, name: True})
    assert allowed(house) == [True, True, True]


@pytest.mark.parametrize("name", ["permite_sms_2", "permite_enviar_sms_2", "permite2"])
def test_leave_of_one_phone_is_known_by_a_files_name_too(client, house, name):
    put(client, {**ANA, "permite_sms": True, "telefone_secundario": "11987650003"})
    put(client, {**ANA, name: False})
    assert allowed(house)[:2] == [True, False]
    put(client, {**ANA, name: False, "permite_sms_secundario": True})  # its own name goes before
    assert allowed(house)[:2] == [True, True]


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("name", ["permite_sms", "permite1"])
def test_what_is_empty_takes_no_refusal_back(client, house, name, nothing):
    put(client, {**ANA, "permite_sms": True})
    put(client, {**ANA, "permite_sms_primario": nothing, name: False})
    assert allowed(house)[0] is False
    put(client, {**ANA, "permite_sms": True})
    put(client, {**ANA, "permite_sms": nothing, "permite_enviar_sms": "nao"})
    assert allowed(house) == [False, False, False]


def test_a_refusal_names_the_field_that_was_sent(client):
    answer = client.call("PUT", f"{BASE}/cliente", {"clientes": [{**ANA, "sms": "11987650001"}]})
    assert answer.json["errors"] == ["item 0: sms deve ser sim ou nao"]


def test_contacts_too_and_a_list_takes_the_place_of_the_one_before(client, house):
    contact = {"id_contato": 7101, "nome": "RUI", "telefone": "11987650002"}
    for said, leave in (
        ({"permite_sms": True}, True),
        ({}, False),
        ({"permite_enviar_sms": True}, True),
        ({"permite_enviar_sms": None, "permite_sms": "nao"}, False),
        ({"permite_enviar_sms": None, "recebe_sms": "sim"}, True),
    ):
        put(client, {**ANA, "contatos": [{**contact, **said}]})
        assert house.value("SELECT sms_allowed FROM contacts WHERE id = 7101") is leave
    put(client, {**ANA, "contatos": [{**contact, "id_contato": 7102}]})
    rows = house.fetch("SELECT id FROM contacts WHERE customer_id = $1", ANA["id_cliente"])
    assert [row["id"] for row in rows] == [7102]


def test_a_contact_of_two_customers_or_two_contacts_of_one_id_are_named_and_nobody_is_lost(client, house):
    def item(id_, *contacts):
        told = [{"id_contato": number, "nome": "RUI", "telefone": phone} for number, phone in contacts]
        return {"id_cliente": id_, "nome_razaosocial": "NUMERA POR CLIENTE", "contatos": told}

    first, same = item(2110, (7110, "11987650010")), item(2112, *2 * [(7112, "11987650012")])
    items = [
        first,
        item(2111, (7110, "11987650011")),
        same,
        item(2113, (1, "11987650013"), (1, "11987650014")),
    ]
    answer = client.call("PUT", f"{BASE}/cliente", {"clientes": [*items, first]})
    assert (answer.status, answer.json["gravados"]) == (200, 2)
    assert [(error["indice"], error["mensagem"]) for error in answer.json["erros"]] == [
        (1, "o id_contato 7110 já é de um contato do cliente de ID 2110 nesta chamada"),
        (3, "contatos traz dois contatos diferentes com o id_contato 1"),
    ]
    assert [
        tuple(row)
        for row in house.fetch(
            "SELECT customer_id, id FROM contacts WHERE customer_id BETWEEN 2110 AND 2113 ORDER BY 1"
        )
    ] == [(2110, 7110), (2112, 7112)]
    moved = [item(2110), item(2111, (7110, "11987650010"))]
    assert client.call("PUT", f"{BASE}/cliente", {"clientes": moved}).json["gravados"] == 2
    assert house.value("SELECT customer_id FROM contacts WHERE id = 7110") == 2111


def test_a_cpf_where_a_phone_should_be_is_named_and_its_digits_get_no_sms(client, house):
    contact = {"id_contato": 7114, "nome": "RUI", "telefone": "119.887.766-55", "permite_sms": True}
    for told in ({"telefone_primario": "119.887.766-55"}, {"contatos": [contact]}):
        answer = client.call("PUT", f"{BASE}/cliente", {"clientes": [{**ANA, "id_cliente": 2114, **told}]})
        assert (answer.status, "tem a forma de um CPF" in answer.json["erros"][0]["mensagem"]) == (422, True)
    assert house.value("SELECT count(*) FROM customers WHERE id = 2114") == 0


def test_the_document_names_what_an_item_may_have(house):
    document = json.loads(house.anonymous.get("/openapi.json").raw)

    def fields(what, name):
        content = document["paths"][f"{BASE}/{what}"]["put"]["requestBody"]["content"]
        return content["application/json"]["schema"]["properties"][name]["items"]["properties"]

    customer = fields("cliente", "clientes")
    assert {"telefone_primario", "permite_sms", "permite_sms_primario", "cpf_cnpj"} <= set(customer)
    assert {"id_contato", "telefone", "permite_sms"} <= set(customer["contatos"]["items"]["properties"])
    invoice = fields("fatura", "faturas")
    assert {"valor", "linha_digitavel", "pix_copia_cola", "status", "quitado", "fatura_ativa"} <= set(invoice)

    def named(*tables):
        return {names.partition("|")[0] for table in tables for names, _, _ in table}

    assert named(names.CUSTOMER) | set(names.ADDRESSES) | {"uf", "servicos"} <= set(customer)
    for field in (*named(names.SERVICE), *names.DEVICES, *names.ADDRESSES):
        assert field in customer["servicos"]["description"]
    assert all(f in customer["endereco_instalacao"]["description"] for f in (*named(names.ADDRESS), "uf"))
    assert named(names.INVOICE, names.DETAILS) | {"empresa", "detalhamento"} <= set(invoice)
    assert invoice["valor"]["description"]


def test_a_call_of_which_nothing_is_stored_is_answered_as_the_document_says(house, client):
    document = json.loads(house.anonymous.get("/openapi.json").raw)
    answer = client.call("PUT", f"{BASE}/cliente", {"clientes": [{"id_cliente": "x"}]})
    described = document["paths"][f"{BASE}/cliente"]["put"]["responses"][str(answer.status)]
    shapes = [
        one["$ref"].rpartition("/")[2] for one in described["content"]["application/json"]["schema"]["anyOf"]
    ]
    known = [set(document["components"]["schemas"][shape]["properties"]) for shape in shapes]
    assert set(answer.json) in known
