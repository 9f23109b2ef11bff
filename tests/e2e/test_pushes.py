"""PUT cliente and PUT fatura: what an ERP pushes in (docs/api.md §5)."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

BASE = "/api/v1/integracao"
ANA = {
    "id_cliente": "2001",
    "nome_razaosocial": "ANA DA PUSH",
    "cpf_cnpj": "106.820.836-81",
    "telefone_primario": "11988880001",
    "permite_sms_primario": False,
    "telefone_secundario": 11988880002,
    "email_principal": "ana@push.example",
    "data_cadastro": "2020-02-03 04:05:06",
    "servicos": [
        {"id_cliente_servico": 77, "nome": "400 MEGA", "valor": 99.9, "status_prefixo": "cancelado"}
    ],
    "endereco_cadastral": {
        "endereco": "RUA A",
        "numero": 5,
        "cidade": "Betim",
        "estado": "MG",
        "uf": "MINAS",
    },
    "contatos": [{"id_contato": 901, "nome": "BIA", "telefone": "11988880003", "permite_enviar_sms": "sim"}],
}
BILL = {"id_fatura": 8001, "id_cliente": 2001, "valor": 119.9, "data_vencimento": "05/04/2030"}

#: The manual's own.
PIX = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000"
    "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D"
)


def put(client, what, items, **kwargs):
    name = {"cliente": "clientes", "fatura": "faturas"}[what]
    return client.call("PUT", f"{BASE}/{what}", {name: items}, **kwargs)


def shown(client, id_, **more):
    query = f"{BASE}/cliente?busca=id_cliente&termo_busca={id_}&cancelado=todos"
    return client.get(query).json["clientes"][0]


def test_what_is_pushed_is_what_the_lookup_shows(client, house):
    answer = put(client, "cliente", [ANA])
    assert (answer.status, answer.json["gravados"], answer.json["erros"]) == (200, 1, [])
    found = shown(client, 2001)
    assert (found["cpf_cnpj"], found["telefone_secundario"]) == ("10682083681", "11988880002")
    assert found["data_cadastro"] == "2020-02-03 04:05:06"
    assert found["servicos"][0]["valor"] == 99.9
    assert found["servicos"][0]["endereco_cadastral"]["uf"] == "MG"
    rows = house.fetch("SELECT uf, phone_1_allowed, phone_2_allowed FROM customers WHERE id = 2001")
    assert tuple(rows[0]) == ("MG", False, True)
    assert tuple(house.fetch("SELECT name, sms_allowed FROM contacts WHERE id = 901")[0]) == ("BIA", True)


def test_pushing_again_what_the_lookup_showed_changes_nothing(client, house):
    put(client, "cliente", [ANA])
    before = shown(client, 2001)
    changed = house.value("SELECT updated_at FROM customers WHERE id = 2001")
    assert put(client, "cliente", [before]).json["gravados"] == 1
    assert shown(client, 2001) == before
    put(client, "cliente", [ANA])
    put(client, "cliente", [ANA])
    assert house.value("SELECT count(*) FROM contacts WHERE customer_id = 2001") == 1
    assert changed <= house.value("SELECT updated_at FROM customers WHERE id = 2001")


def test_a_cnpj_with_letters_is_stored_and_found(client):
    put(client, "cliente", [{**ANA, "id_cliente": 2014, "cpf_cnpj": "12.ABC.345/01DE-35", "contatos": []}])
    query = f"{BASE}/cliente?busca=cpf_cnpj&termo_busca=12.abc.345/01de-35"
    found = [(item["id_cliente"], item["cpf_cnpj"]) for item in client.get(query).json["clientes"]]
    assert found == [(2014, "12ABC34501DE35")]
    assert shown(client, 2014)["tipo_pessoa"] == "pj"


def test_who_names_no_day_of_registration_is_registered_on_the_installations_clock(client):
    put(client, "cliente", [{"id_cliente": 2015, "nome_razaosocial": "NOITE"}])
    at = datetime.fromisoformat(shown(client, 2015)["data_cadastro"])
    here = datetime.now(ZoneInfo("America/Sao_Paulo")).replace(tzinfo=None)
    assert abs((here - at).total_seconds()) < 600


@pytest.mark.parametrize("zeros", ["0000-00-00 00:00:00", "0000-00-00", "00/00/0000"])
def test_zeros_for_a_day_of_registration_name_none(client, zeros):
    assert put(client, "cliente", [{**ANA, "data_cadastro": zeros}]).json["gravados"] == 1
    assert put(client, "fatura", [{**BILL, "data_cadastro": zeros}]).json["gravados"] == 1
    new = {"id_cliente": 2016, "nome_razaosocial": "DORA", "data_cadastro": zeros}
    assert put(client, "cliente", [new]).json["gravados"] == 1
    put(client, "cliente", [ANA])
    assert shown(client, 2001)["data_cadastro"] == "2020-02-03 04:05:06"


def test_a_field_that_is_absent_stays_and_one_that_is_null_is_emptied(client):
    put(client, "cliente", [ANA])
    put(
        client, "cliente", [{"id_cliente": 2001, "nome_razaosocial": "ANA NOVA", "telefone_secundario": None}]
    )
    found = shown(client, 2001)
    assert (found["nome_razaosocial"], found["telefone_primario"]) == ("ANA NOVA", "11988880001")
    assert found["telefone_secundario"] is None
    assert found["servicos"][0]["id_cliente_servico"] == 77


def test_a_phone_written_as_a_number_with_decimals_is_read_without_them(client, house):
    bare = {"id_cliente": 2017, "nome_razaosocial": "COM DECIMAIS"}
    assert put(client, "cliente", [{**bare, "telefone_primario": "1198887777.0"}]).json["gravados"] == 1
    assert house.value("SELECT phone_1 FROM customers WHERE id = 2017") == "1198887777"
    contact = {"id_contato": 917, "nome": "BIA", "telefone": "1198887776.0", "permite_enviar_sms": True}
    put(client, "cliente", [{**bare, "contatos": [contact]}])
    put(client, "fatura", [{**BILL, "id_fatura": 8017, "id_cliente": 2017}])
    sent = client.send({"id_fatura": 8017, "telefone_adicional": ["1198887775.0"]}).json["job"]["telefones"]
    assert [phone["telefone"] for phone in sent] == ["1198887777", "1198887776", "1198887775"]
    answer = put(client, "cliente", [{**bare, "telefone_primario": "5,51199E+12"}])
    assert "foi cortado pela planilha" in json.dumps(answer.json, ensure_ascii=False)


def test_where_every_item_is_bad_each_is_told_as_beside_good_ones(client):
    answer = put(client, "fatura", [{**BILL, "link": "nada"}])
    assert (answer.status, answer.json["gravados"]) == (422, 0)
    assert [(each["indice"], each["id"]) for each in answer.json["erros"]] == [(0, BILL["id_fatura"])]


@pytest.mark.parametrize(
    "item",
    [
        {"uf": "ZZ"},
        {"uf": 31},
        {"endereco_cadastral": {"uf": "ZZ", "estado": "MINAS"}},
        {"servicos": [{"id_cliente_servico": 77, "endereco_instalacao": {"uf": "ZZ"}}]},
    ],
    ids=range(4),
)
def test_a_state_that_is_none_is_told(client, item):
    """By the state are the hours of sending: one that is lost leaves the phone's alone."""
    bare = {"id_cliente": 2016, "nome_razaosocial": "SEM UF"}
    for empty in (None, "", " "):
        assert put(client, "cliente", [{**bare, "uf": empty}]).json["gravados"] == 1
    answer = put(client, "cliente", [ANA, {**bare, **item}])
    assert [(error["id"], error["mensagem"]) for error in answer.json["erros"]] == [(2016, "uf não é uma UF")]
    assert answer.json["gravados"] == 1


def test_the_good_items_are_stored_and_the_others_told(client, house):
    put(client, "cliente", [ANA])
    answer = put(
        client,
        "fatura",
        [
            BILL,
            {**BILL, "id_fatura": "x"},
            {**BILL, "id_fatura": 8002, "id_cliente": 99},
            {**BILL, "id_fatura": 8003, "linha_digitavel": "123"},
            "texto",
            {**BILL, "id_fatura": 8004, "quitado": True, "data_pagamento": "2030-04-06"},
        ],
    )
    assert answer.json["gravados"] == 2
    assert [(error["indice"], error["id"]) for error in answer.json["erros"]] == [
        (1, "x"),
        (2, 8002),
        (3, 8003),
        (4, None),
    ]
    assert answer.json["erros"][1]["mensagem"] == "Cliente de ID 99 não encontrado"
    rows = house.fetch("SELECT id, status FROM invoices WHERE id BETWEEN 8001 AND 8009 ORDER BY id")
    assert [tuple(row) for row in rows] == [(8001, "open"), (8004, "paid")]


def test_an_invoice_that_was_pushed_is_paid_by_another_push(client, house):
    put(client, "cliente", [ANA])
    put(client, "fatura", [{**BILL, "id_fatura": 8010, "pix": "x", "link": "https://f.example/8010"}])
    put(client, "fatura", [{**BILL, "id_fatura": 8010, "status": "quitado"}])
    rows = house.fetch("SELECT status, link FROM invoices WHERE id = 8010")
    assert tuple(rows[0]) == ("paid", "https://f.example/8010")
    answer = client.send({"id_fatura": 8010})
    assert (answer.status, "quitada" in answer.json["msg"]) == (422, True)


@pytest.mark.parametrize("unpaid", [{"data_pagamento": None}, {"data_pagamento": ""}, {"quitado": False}])
def test_an_invoice_without_a_payment_is_unpaid_but_no_longer_cancelled_than_it_was(client, house, unpaid):
    put(client, "cliente", [ANA])
    states = [{"status": "cancelado"}, {"status": "quitado"}, {"data_pagamento": "2030-04-06"}, {}]
    bills = [{**BILL, "id_fatura": 8020 + place} for place in range(len(states))]
    put(client, "fatura", [{**bill, **state} for bill, state in zip(bills, states, strict=True)])
    assert put(client, "fatura", [{**bill, **unpaid} for bill in bills]).json["gravados"] == len(bills)
    rows = house.fetch("SELECT status, paid_at FROM invoices WHERE id BETWEEN 8020 AND 8023 ORDER BY id")
    assert [tuple(row) for row in rows] == [("cancelled", None), *[("open", None)] * 3]


@pytest.mark.parametrize("open_", [{"status": "aguardando"}, {"situacao": "em aberto", "quitado": False}])
def test_an_invoice_that_is_called_open_and_paid_on_a_day_is_told_and_no_sms_goes(client, house, open_):
    put(client, "cliente", [ANA])
    bill = {**BILL, "id_fatura": 8031}
    answer = put(client, "fatura", [{**bill, **open_, "data_pagamento": "2030-04-01"}, BILL])
    assert answer.json["gravados"] == 1
    said = f"{next(iter(open_))} diz que a fatura está aberta, e data_pagamento que foi paga"
    assert [(error["id"], error["mensagem"]) for error in answer.json["erros"]] == [(8031, said)]
    assert client.send({"id_fatura": 8031}).json["msg"] == "Fatura de ID 8031 não encontrada"
    paid = {**bill, **open_, "quitado": True, "data_pagamento": "2030-04-01"}
    assert put(client, "fatura", [paid]).json["gravados"] == 1
    assert house.value("SELECT status FROM invoices WHERE id = 8031") == "paid"
    house.fetch("DELETE FROM invoices WHERE id = 8031")


@pytest.mark.parametrize(("number", "amount"), [(1234567.89, "1234567.89"), (2500000.55, "2500000.55"),
    (999999999.99, "999999999.99"), (0.1 + 0.2, "0.30"), (1e3, "1000.00")])  # fmt: skip
def test_a_large_amount_is_the_one_that_was_written(client, house, number, amount):
    put(client, "cliente", [ANA])
    bill = {**BILL, "id_fatura": 8034, "valor": number, "detalhamento": [{"valor": -number}]}
    assert put(client, "fatura", [bill]).json.get("gravados") == 1
    query = (
        "SELECT amount::text || ' ' || (details -> 'items' -> 0 ->> 'amount') FROM invoices WHERE id = 8034"
    )
    assert [float(each) for each in house.value(query).split()] == [float(amount), -float(amount)]


def test_an_invoice_that_is_open_again_was_paid_on_no_day(client, house):
    put(client, "cliente", [ANA])
    bill = {**BILL, "id_fatura": 8032}
    put(client, "fatura", [{**bill, "status": "quitado", "data_pagamento": "2026-01-05"}])
    assert put(client, "fatura", [{**bill, "status": "aguardando"}]).json["gravados"] == 1
    listed = client.get(f"{BASE}/cliente/financeiro?busca=id_cliente&termo_busca=2001&limit=100").json[
        "faturas"
    ]
    (found,) = [item for item in listed if item["id_fatura"] == 8032]
    assert (found["quitado"], found["data_pagamento"]) == (False, None)


@pytest.mark.parametrize("name", ["pix_copia_cola", "pix_copia_e_cola"])
def test_a_pix_that_is_none_is_told_and_goes_to_nobody(client, house, name):
    put(client, "cliente", [ANA])
    bill = {**BILL, "id_fatura": 8033}
    for none in ("Sim", "-", PIX[:-1], PIX.replace("Fulano", "Fulana")):
        (error,) = put(client, "fatura", [BILL, {**bill, name: none}]).json["erros"]
        assert error["mensagem"].startswith(f"{name} não é um Pix copia e cola inteiro")
    assert put(client, "fatura", [{**bill, name: PIX}]).json["erros"] == []
    assert house.value("SELECT pix FROM invoices WHERE id = 8033") == PIX
    assert put(client, "fatura", [{**bill, name: None}]).json["erros"] == []
    assert house.value("SELECT pix FROM invoices WHERE id = 8033") is None


def test_an_address_that_is_null_is_emptied_and_one_that_is_none_told(client):
    street = {"endereco": "RUA A", "cidade": "Betim", "uf": "MG"}
    bare = {"id_cliente": 2019, "nome_razaosocial": "MUDOU"}
    service = {"servicos": [{"id_cliente_servico": 79}]}
    both = {"endereco_cadastral": street, "endereco_cobranca": {"endereco": "RUA B"}}
    put(client, "cliente", [{**bare, **service, **both}])
    for nothing in ([], {}):  # as PHP writes an empty one
        assert put(client, "cliente", [{**bare, "endereco_cobranca": nothing}]).json["erros"] == []
    assert shown(client, 2019)["servicos"][0]["endereco_cobranca"]["endereco"] == "RUA B"
    assert put(client, "cliente", [{**bare, "endereco_cobranca": None}]).json["erros"] == []
    assert shown(client, 2019)["servicos"][0]["endereco_cobranca"]["endereco"] == "RUA A"
    for none in ("RUA C, 5", 5, [street]):
        (error,) = put(client, "cliente", [ANA, {**bare, "endereco_cobranca": none}]).json["erros"]
        assert error["mensagem"] == "endereco_cobranca deve ser um objeto"


def test_false_is_no_text_but_nothing_and_true_is_told(client, house):
    """PHP's filter_var gives false for an e-mail that is none."""
    no = dict.fromkeys(
        ("telefone_primario", "email_principal", "nome_fantasia", "cpf_cnpj", "data_nascimento"), False
    )
    assert put(client, "cliente", [{**ANA, **no, "permite_sms_secundario": False}]).json["erros"] == []
    found = shown(client, 2001)
    assert [found[name] for name in no] == [None] * len(no)
    assert house.value("SELECT phone_2_allowed FROM customers WHERE id = 2001") is False
    for name in (*no, "nome_razaosocial"):
        (error,) = put(client, "cliente", [{**ANA, name: True}, {**ANA, "id_cliente": 2020}]).json["erros"]
        assert error["mensagem"] == f"{name} deve ser um texto ou um número"
    put(client, "cliente", [ANA])


def test_a_flag_that_is_none_is_told_beside_a_status_too(client):
    """Passed over, it left the invoice open, and its customer got the SMS."""
    put(client, "cliente", [ANA])
    bill = {**BILL, "id_fatura": 8035, "status": "vencido"}
    for name in ("quitado", "fatura_ativa"):
        (error,) = put(client, "fatura", [BILL, {**bill, name: "talvez"}]).json["erros"]
        assert (error["id"], error["mensagem"]) == (8035, f"{name} deve ser sim ou nao")


def test_a_company_that_is_null_is_emptied_and_one_that_is_none_told(client):
    put(client, "cliente", [ANA])
    bill = {**BILL, "id_fatura": 8036, "quitado": False}
    query = f"{BASE}/cliente/financeiro?busca=id_cliente&termo_busca=2001&limit=100"

    def named():
        (found,) = [each for each in client.get(query).json["faturas"] if each["id_fatura"] == 8036]
        return found["empresa"]["nome_razaosocial"]

    put(client, "fatura", [{**bill, "empresa": {"nome_razaosocial": "OUTRA LTDA"}}])
    put(client, "fatura", [{**bill, "empresa": []}])
    assert named() == "OUTRA LTDA"
    assert put(client, "fatura", [{**bill, "empresa": None}]).json["erros"] == []
    assert named() != "OUTRA LTDA"
    (error,) = put(client, "fatura", [BILL, {**bill, "empresa": "OUTRA LTDA"}]).json["erros"]
    assert error["mensagem"] == "empresa deve ser um objeto"


@pytest.mark.parametrize("empty", [[], {}, None])
def test_an_empty_list_is_one_however_it_is_written(client, house, empty):
    """As an object, with PHP's JSON_FORCE_OBJECT."""
    put(client, "cliente", [ANA])
    assert put(client, "cliente", [{**ANA, "servicos": empty, "contatos": empty}]).json["gravados"] == 1
    assert shown(client, 2001)["servicos"] == []
    assert house.value("SELECT count(*) FROM contacts WHERE customer_id = 2001") == 0


def test_a_thousand_items_and_not_one_more(client, house):
    many = [{"id_cliente": 30_000 + n, "nome_razaosocial": f"CLIENTE {n}"} for n in range(1001)]
    assert put(client, "cliente", many[:1000]).json["gravados"] == 1000
    assert house.value("SELECT count(*) FROM customers WHERE id BETWEEN 30000 AND 30999") == 1000
    answer = put(client, "cliente", many)
    assert (answer.status, answer.json["msg"]) == (422, "São permitidos no máximo 1000 itens por chamada")


def test_a_single_object_is_a_list_of_one(client):
    assert client.call("PUT", f"{BASE}/cliente", ANA).json["gravados"] == 1


@pytest.mark.parametrize(
    ("what", "name", "item"), [("cliente", "clientes", ANA), ("fatura", "faturas", BILL)]
)
def test_a_list_with_gaps_is_read_as_php_writes_it(client, what, name, item):
    put(client, "cliente", [ANA])
    answer = client.call("PUT", f"{BASE}/{what}", {name: {"1": item, "3": {**item, f"id_{what}": "x"}}})
    assert (answer.status, answer.json.get("gravados")) == (200, 1)
    assert [error["indice"] for error in answer.json["erros"]] == [1]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"clientes": []},
        {"clientes": "x"},
        {"clientes": {}},
        {"clientes": {"a": ANA}},
        {"clientes": [1, None]},
        {"clientes": [{"id_cliente": 10**400}]},
        {"clientes": [{"id_cliente": 1}]},
        {"clientes": [{**ANA, "nome_razaosocial": "\ud800"}]},
        {"clientes": [{**ANA, "nome_razaosocial": "a\0b"}]},
        {"clientes": [{**ANA, "servicos": 5}]},
        {"clientes": [{**ANA, "servicos": [{"id_cliente_servico": {}}]}]},
        {"clientes": [{**ANA, "contatos": [{"id_contato": 1}]}]},
        {"clientes": [{**ANA, "data_cadastro": 5e300}]},
    ],
)
def test_nothing_stored_is_a_refusal(client, body):
    answer = client.call("PUT", f"{BASE}/cliente", body)
    assert answer.status == 422, answer.raw
    assert answer.json["status"] == "error"


@pytest.mark.parametrize(("what", "name"), [("cliente", "clientes"), ("fatura", "faturas")])
def test_a_list_in_a_form_is_told_to_come_as_json(client, what, name):
    answer = client.call("PUT", f"{BASE}/{what}", f"{name}[0][id_{what}]=1&{name}[0][valor]=2")
    assert (answer.status, f"({name}) só é aceita como JSON" in answer.json["msg"]) == (422, True)


@pytest.mark.parametrize(
    ("what", "name", "whole"), [("cliente", "clientes", ANA), ("fatura", "faturas", BILL)]
)
def test_the_document_names_what_an_item_may_not_leave_out(client, house, what, name, whole):
    document = json.loads(house.anonymous.get("/openapi.json").raw)
    content = document["paths"][f"{BASE}/{what}"]["put"]["requestBody"]["content"]
    assert list(content) == ["application/json"]
    always = content["application/json"]["schema"]["properties"][name]["items"]["required"]
    put(client, "cliente", [ANA])
    assert put(client, what, [{key: whole[key] for key in always}]).json["gravados"] == 1
    for missing in always:
        assert put(client, what, [{key: whole[key] for key in always if key != missing}]).status == 422


def test_the_limits_and_the_permission(house, client):
    big = json.dumps({"clientes": [{**ANA, "nome_fantasia": "x" * 4_300_000}]})
    assert client.call("PUT", f"{BASE}/cliente", big).status == 413
    assert house.client(permissions=("send",)).call("PUT", f"{BASE}/cliente", ANA).status == 403
    assert house.client(error_codes="hubsoft").call("PUT", f"{BASE}/fatura", {}).status == 200


def test_a_customer_who_was_erased_is_told_and_not_stored(client, house):
    gone = {"id_cliente": 2018, "nome_razaosocial": "APAGADO"}
    assert put(client, "cliente", [gone]).json["gravados"] == 1
    assert house.command("titular", "apagar", 2018, "--sim").returncode == 0
    answer = put(client, "cliente", [gone, ANA])
    assert answer.json["gravados"] == 1
    said = "Os dados do cliente de ID 2018 foram apagados a pedido dele"
    assert [(error["id"], error["mensagem"]) for error in answer.json["erros"]] == [(2018, said)]
