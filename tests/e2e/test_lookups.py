"""The lookups, answer by answer, against files under tests/golden (docs/api.md §4).

DISPARO_GOLDEN=write writes them anew: read the difference before it is committed.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize
from urllib.parse import quote, urlencode

import asyncpg
import pytest
from tests.support import register
from tests.support.client import Client

BASE = "/api/v1/integracao"
GOLDEN = Path(__file__).parent.parent / "golden" / "lookups"
PERIOD = "data_inicio=2020-01-01&data_fim=2020-12-31"
ALL = f"{PERIOD}&exibir_fatura_inativa=sim"

CASES = {
    # every kind of search
    "nome": "cliente?busca=nome_razaosocial&termo_busca=conceicao",
    "nome_com_acento": "cliente?busca=nome_razaosocial&termo_busca=Conceição",
    "nome_no_meio_de_varios": "cliente?busca=nome_razaosocial&termo_busca=oa&inativo=todos",
    "nome_parte_de_dois": "cliente?busca=nome_razaosocial&termo_busca=joa&inativo=todos",
    "nome_curto_so_no_comeco": "cliente?busca=nome_razaosocial&termo_busca=zé",
    "nome_com_sinais_do_like": "cliente?busca=nome_razaosocial&termo_busca=100% boa_",
    "nome_sinal_nao_vale_por_outro": "cliente?busca=nome_razaosocial&termo_busca=boa-vista",
    "nome_fantasia": "cliente?busca=nome_fantasia&termo_busca=AGUA",
    "cpf": "cliente?busca=cpf_cnpj&termo_busca=106.820.836-81",
    "cnpj": "cliente?busca=cpf_cnpj&termo_busca=12.345.678/0001-95",
    "codigo": "cliente?busca=codigo_cliente&termo_busca=421",
    "codigo_sem_codigo_proprio": "cliente?busca=codigo_cliente&termo_busca=1002",
    "telefone": "cliente?busca=telefone&termo_busca=+55 (37) 99993-1412",
    "telefone_segundo_fixo": "cliente?busca=telefone&termo_busca=3732140000",
    "telefone_sem_nono_digito": "cliente?busca=telefone&termo_busca=11987650002",
    "telefone_de_campo_com_dois": "cliente?busca=telefone&termo_busca=21987650005&inativo=sim",
    "telefone_outro_ddd": "cliente?busca=telefone&termo_busca=11999931412",
    "telefone_sem_ddd": "cliente?busca=telefone&termo_busca=9993-1412",
    "telefone_curto": "cliente?busca=telefone&termo_busca=1412",
    "id_cliente": "cliente?busca=id_cliente&termo_busca=1001",
    "id_cliente_servico": "cliente?busca=id_cliente_servico&termo_busca=11300",
    "email": "cliente?busca=email&termo_busca=joao@example.com",
    "email_secundario": "cliente?busca=email&termo_busca=ana@example.com&inativo=todos",
    "login": "cliente?busca=login_radius&termo_busca=joao.conceicao",
    "ipv4": "cliente?busca=ipv4&termo_busca=10.99.2.203",
    "mac": "cliente?busca=mac&termo_busca=aabb.cc00.1122",
    "uuid": "cliente?busca=uuid_cliente&termo_busca=5a2bb8f3-0000-4000-8000-000000000001",
    "id_externo": "cliente?busca=id_externo&termo_busca=ERP-77",
    # options
    "inativo_padrao": "cliente?busca=id_cliente&termo_busca=1003",
    "inativo_sim": "cliente?busca=id_cliente&termo_busca=1003&inativo=1",
    "cancelado_todos": "cliente?busca=id_cliente&termo_busca=1001&cancelado=todos",
    "cancelado_sim": "cliente?busca=id_cliente&termo_busca=1001&cancelado=sim",
    "servico_status": "cliente?busca=nome_razaosocial&termo_busca=boa&servico_status=suspenso_debito,x",
    "servico_status_nenhum": "cliente?busca=id_cliente&termo_busca=1001&servico_status=suspenso_debito",
    "ultima_conexao": "cliente?busca=id_cliente&termo_busca=1001&ultima_conexao=sim&relacoes=pacotes",
    "ordem": "cliente?busca=nome_razaosocial&termo_busca=joa&inativo=todos&order_by=nome_razaosocial&limit=1",
    "ordem_desc": "cliente?busca=nome_razaosocial&termo_busca=joa&inativo=todos&order_type=desc&order_by=x",
    "ordem_codigo": "cliente/todos?order_by=codigo_cliente&inativo=todos",
    # nothing, and no number
    "vazio": "cliente?busca=id_cliente&termo_busca=999999",
    "id_que_nao_e_numero": "cliente?busca=id_cliente&termo_busca=abc",
    "id_enorme": "cliente?busca=codigo_cliente&termo_busca=99999999999999999999",
    "nome_sem_resultado": "cliente?busca=nome_razaosocial&termo_busca=inexistente",
    # refusals, all with 200
    "sem_busca": "cliente",
    "sem_busca_com_termo": "cliente?termo_busca=1",
    "sem_termo": "cliente?busca=cpf_cnpj&termo_busca=",
    "busca_errada": "cliente?busca=cpf&termo_busca=1",
    "limite_maior": "cliente?busca=id_cliente&termo_busca=1&limit=101",
    "limite_zero": "cliente?busca=id_cliente&termo_busca=1&limit=0",
    "limite_texto": "cliente?busca=id_cliente&termo_busca=1&limit=dez",
    "flag_errada": "cliente?busca=id_cliente&termo_busca=1&inativo=talvez",
    "ultima_repetida_vale": "cliente?busca=x&busca=id_cliente&termo_busca=1004",
    # all customers, paged
    "todos": "cliente/todos",
    "all_e_o_mesmo": "cliente/all?itens_por_pagina=2&pagina=1&inativo=todos",
    "todos_quantidade": "cliente/todos?quantidade=1&pagina=2",
    "todos_desc": "cliente/todos?quantidade=2&pagina=1&order_type=desc&inativo=todos",
    "todos_depois_do_fim": "cliente/todos?pagina=99",
    "todos_periodo": "cliente/todos?data_inicio=2019-01-02&data_fim=2021-06-07&inativo=todos",
    "todos_inativos": "cliente/todos?inativo=sim",
    "todos_por_status": "cliente/todos?servico_status=servico_habilitado",
    "todos_pagina_negativa": "cliente/todos?pagina=-1",
    "todos_itens_demais": "cliente/todos?itens_por_pagina=501",
    "todos_data_errada": "cliente/todos?data_inicio=05/08/2017",
    "todos_datas_trocadas": "cliente/todos?data_inicio=2020-01-02&data_fim=2020-01-01",
    # invoices of a customer
    "faturas_do_cliente": "cliente/financeiro?busca=id_cliente&termo_busca=1001",
    "faturas_todas": "cliente/financeiro?busca=codigo_cliente&termo_busca=421&apenas_pendente=nao&limit=100",
    "faturas_por_servico": "cliente/financeiro?busca=id_cliente_servico&termo_busca=11300&limit=1",
    "faturas_de_um_de_dois_servicos": "cliente/financeiro?busca=id_cliente_servico&termo_busca=11201",
    "faturas_por_cpf": "cliente/financeiro?busca=cpf_cnpj&termo_busca=10682083681&order_type=desc",
    "faturas_periodo": "cliente/financeiro?busca=id_cliente&termo_busca=1001&apenas_pendente=nao"
    "&tipo_data=data_pagamento&data_inicio=2020-04-01&data_fim=2020-04-30",
    "faturas_por_valor": "cliente/financeiro?busca=id_cliente&termo_busca=1001&order_by=valor&order_type=desc",
    "faturas_de_ninguem": "cliente/financeiro?busca=id_cliente&termo_busca=9",
    "faturas_sem_busca": "cliente/financeiro",
    "faturas_busca_errada": "cliente/financeiro?busca=telefone&termo_busca=1",
    "faturas_sem_termo": "cliente/financeiro?busca=id_cliente",
    "faturas_limite": "cliente/financeiro?busca=id_cliente&termo_busca=1&limit=101",
    "faturas_tipo_data_sem_data": "cliente/financeiro?busca=id_cliente&termo_busca=9&tipo_data=x",
    "faturas_tipo_data_errado": "cliente/financeiro?busca=id_cliente&termo_busca=9&tipo_data=x"
    "&data_inicio=2020-01-01",
    # invoices by day, paged
    "relatorio": f"financeiro/fatura?{ALL}",
    "relatorio_sem_inativas": f"financeiro/fatura?{PERIOD}",
    "relatorio_sem_inativas_de_um": f"financeiro/fatura?{PERIOD}&busca=codigo_cliente&termo_busca=421"
    "&exibir_fatura_inativa=nao",
    "relatorio_inativa_errada": f"financeiro/fatura?{PERIOD}&exibir_fatura_inativa=x",
    "relatorio_pagina": f"financeiro/fatura?{ALL}&itens_por_pagina=2&pagina=1",
    "relatorio_ultima_pagina": f"financeiro/fatura?{ALL}&quantidade=2&pagina=2",
    "relatorio_depois_do_fim": f"financeiro/fatura?{ALL}&pagina=1",
    "relatorio_quitado": f"financeiro/fatura?{PERIOD}&apenas_quitado=sim&tipo_data=data_pagamento",
    "relatorio_em_aberto": f"financeiro/fatura?{PERIOD}&apenas_em_aberto=sim",
    "relatorio_zerado": f"financeiro/fatura?{PERIOD}&valor_zerado=sim",
    "relatorio_nao_zerado": f"financeiro/fatura?{ALL}&valor_zerado=nao&quantidade=1",
    "relatorio_cadastro": f"financeiro/fatura?{ALL}&tipo_data=data_cadastro&quantidade=1&pagina=5",
    "relatorio_detalhado_sem_pix": f"financeiro/fatura?{ALL}&tipo_resultado=detalhado&quantidade=1"
    "&exibir_pix_copia_cola=nao",
    "relatorio_completo": f"financeiro/fatura?{ALL}&tipo_resultado=completo&quantidade=1",
    "relatorio_de_um": f"financeiro/fatura?{ALL}&busca=codigo_cliente&termo_busca=421&quantidade=1",
    "relatorio_de_um_servico": f"financeiro/fatura?{ALL}&busca=id_cliente_servico&termo_busca=11201",
    "relatorio_de_uma": f"financeiro/fatura?{PERIOD}&busca=id_fatura&termo_busca=5003",
    "relatorio_de_uma_que_nao_e_numero": f"financeiro/fatura?{PERIOD}&busca=id_fatura&termo_busca=x",
    "relatorio_de_uma_fora_do_periodo": "financeiro/fatura?busca=id_fatura&termo_busca=5003",
    "relatorio_de_uma_de_outro": f"financeiro/fatura?{PERIOD}&busca=id_fatura&termo_busca=5003"
    "&documento=12.345.678/0001-95",
    "faturas_nao_por_id_fatura": "cliente/financeiro?busca=id_fatura&termo_busca=5003",
    "relatorio_documento": f"financeiro/fatura?{PERIOD}&documento=12.345.678/0001-95",
    "relatorio_documento_e_busca": f"financeiro/fatura?{PERIOD}&documento=12345678000195"
    "&busca=id_cliente&termo_busca=1001",
    "relatorio_inativos": f"financeiro/fatura?{PERIOD}&status_cadastro_cliente=inativo",
    "relatorio_dez_dias": "financeiro/fatura",
    "relatorio_status_errado": f"financeiro/fatura?{PERIOD}&status_cadastro_cliente=x",
    "relatorio_busca_errada": "financeiro/fatura?busca=email&termo_busca=x",
    "relatorio_termo_sem_busca": "financeiro/fatura?termo_busca=x",
    "relatorio_tipo_data_errado": "financeiro/fatura?tipo_data=data",
    "relatorio_data_errada": "financeiro/fatura?data_fim=2020-02-30",
}


@pytest.fixture(scope="module")
def reader(house) -> Client:
    def is_filled() -> bool:
        """The house at work reads the tables that are emptied, in another order."""
        with suppress(asyncpg.DeadlockDetectedError):
            house.run(register.fill)
            return True
        return False

    house.until(is_filled)
    return house.client(rate_per_s=0.0)


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_golden_one(reader, name):
    answer = reader.get(f"{BASE}/{quote(CASES[name], safe='/?&=,@:')}")
    found = {"pedido": CASES[name], "status": answer.status, "resposta": answer.json}
    path = GOLDEN / f"{name}.json"
    if os.environ.get("DISPARO_GOLDEN") == "write":
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "path",
    [
        "cliente/todos?inativo=todos",
        "cliente/financeiro?busca=codigo_cliente&termo_busca=421&apenas_pendente=nao",
        "financeiro/fatura?busca=codigo_cliente&termo_busca=421",
        "financeiro/fatura?quantidade=500",
        "disparo?",
    ],
)
def test_a_period_without_an_end_is_written_as_the_first_or_the_last_of_days(reader, path):
    """As programs have it that know no other word for it."""
    asked = [
        f"{BASE}/{path}&data_inicio={first}&data_fim={last}"
        for first, last in (("0001-01-01", "9999-12-31"), ("1900-01-01", "2999-12-31"))
    ]
    everything, of_some_centuries = (reader.get(each).json for each in asked)
    assert everything["status"] == "success"
    assert everything == of_some_centuries
    for nothing in ("data_fim=0001-01-01", "data_inicio=9999-12-31"):
        found = reader.get(f"{BASE}/{path}&{nothing}").json
        assert found["status"] == "success"
        assert not next(rows for rows in found.values() if isinstance(rows, list))


def test_every_golden_file_has_its_case():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)


def test_refusals_come_with_200_for_every_client(house):
    for codes in ("rest", "hubsoft"):
        answer = house.client(error_codes=codes).get(f"{BASE}/cliente")
        assert (answer.status, answer.json["status"]) == (200, "error")


def test_lookups_need_a_token_with_the_permission(house, client):
    assert house.anonymous.get(f"{BASE}/cliente").status == 401
    assert house.client(permissions=("cancel",)).get(f"{BASE}/cliente").status == 403
    assert client.call("POST", f"{BASE}/financeiro/fatura").status == 405


def test_what_is_asked_for_may_come_as_json_with_the_get(reader):
    asked = {"busca": "cpf_cnpj", "termo_busca": "106.820.836-81", "limit": 1, "apenas_pendente": False}
    answer = reader.get(f"{BASE}/cliente/financeiro", body=asked)
    assert answer.json == reader.get(f"{BASE}/cliente/financeiro?{urlencode(asked)}").json
    assert len(answer.json["faturas"]) == 1
    assert reader.get(
        f"{BASE}/cliente/todos?pagina=7&quantidade=1", body={"pagina": 1, "quantidade": None}
    ).json["paginacao"] == {"primeira_pagina": 0, "ultima_pagina": 2, "pagina_atual": 1, "total_registros": 3}
    for kind in ("cliente", "financeiro/fatura"):
        answer = reader.get(f"{BASE}/{kind}", body={"busca": "id_cliente", "termo_busca": 1001})
        assert answer.json["status"] == "success"


@pytest.mark.parametrize("body", ["", "[]", "null", "{", "oi", {"x": [1]}, '{"termo_busca": ["\\ud800"]}'])
@pytest.mark.parametrize("label", ["application/json", "text/plain", "multipart/form-data"])
def test_a_body_that_asks_for_nothing_changes_no_answer(reader, body, label):
    path = f"{BASE}/cliente?busca=id_cliente&termo_busca=1001"
    assert reader.get(path, body=body, headers={"Content-Type": label}).json == reader.get(path).json


def test_a_body_that_is_too_large_gets_an_answer_that_the_document_names(house, reader):
    documented = house.anonymous.get("/openapi.json").json["paths"]
    for kind in ("cliente", "cliente/all", "cliente/todos", "cliente/financeiro", "financeiro/fatura"):
        answer = reader.get(f"{BASE}/{kind}", body="x" * 65_537)
        assert answer.status == 413
        assert "413" in documented[f"{BASE}/{kind}"]["get"]["responses"]


def test_half_a_character_in_a_body_finds_nothing(reader):
    body = '{"busca": "nome_razaosocial", "termo_busca": "\\ud800"}'
    assert reader.get(f"{BASE}/cliente", body=body).json["clientes"] == []


@pytest.mark.parametrize("apart", ["CONCEIC\u0327A\u0303O", "ze\u0301"])
def test_a_name_is_found_with_its_accents_apart(reader, apart):
    found = reader.get(f"{BASE}/cliente?busca=nome_razaosocial&termo_busca={quote(apart)}").json["clientes"]
    assert found
    same = quote(normalize("NFC", apart))
    assert found == reader.get(f"{BASE}/cliente?busca=nome_razaosocial&termo_busca={same}").json["clientes"]


@pytest.mark.parametrize("alphabet", ["utf-8", "cp1252"])
def test_a_name_is_found_in_the_alphabet_of_older_programs_too(reader, alphabet):
    asked = f"busca=nome_razaosocial&termo_busca={quote('CONCEIÇÃO', encoding=alphabet)}"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    found = reader.get(f"{BASE}/cliente?{asked}").json["clientes"]
    assert found
    assert found == reader.get(f"{BASE}/cliente", body=asked, headers=form).json["clientes"]
    assert (
        found == reader.get(f"{BASE}/cliente?busca=nome_razaosocial&termo_busca=CONCEICAO").json["clientes"]
    )


def test_totals_follow_every_change(house, reader):
    def total() -> int:
        return reader.get(f"{BASE}/financeiro/fatura?{PERIOD}&apenas_em_aberto=sim").json["paginacao"][
            "total_registros"
        ]

    before = total()
    house.fetch("UPDATE invoices SET status = 'paid', paid_at = '2020-05-01' WHERE id = 5001")
    assert total() == before - 1
    house.fetch("UPDATE invoices SET status = 'open', paid_at = NULL WHERE id = 5001")
    house.fetch(
        "INSERT INTO invoices (id, customer_id, amount, due_date) SELECT i, 1004, 1, '2020-02-01' "
        "FROM generate_series(6001, 6003) AS i"
    )
    assert total() == before + 3
    house.fetch("DELETE FROM invoices WHERE id >= 6001")
    assert total() == before


@pytest.mark.parametrize("term", ["%00", "%ff", "\\", "%25", "_", "'", "𝒳𝒴𝒵", "ﬁ", "a" * 5000])
def test_no_term_breaks_a_search(reader, term):
    for kind in ("nome_razaosocial", "telefone", "id_cliente", "email", "mac"):
        answer = reader.get(f"{BASE}/cliente?busca={kind}&termo_busca={quote(term, safe='%')}")
        assert answer.status == 200, answer.raw
