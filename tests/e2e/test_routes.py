"""Around enviar_sms: envelopes, lists, opt-outs, health (docs/api.md §1, §5)."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.support.client import DISPATCH, OPT_OUT, SEND


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/integracao/nada", 404),
        ("GET", "/nada", 404),
        ("GET", SEND, 405),
        ("PUT", SEND, 405),
        ("GET", "/oauth/token", 405),
        ("DELETE", DISPATCH, 405),
        ("GET", "/webhook/simulador/errado", 404),
        ("POST", "/webhook/nenhuma/ensaio", 404),
    ],
)
def test_unknown_routes_and_methods_have_the_envelope(client, method, path, status):
    answer = client.call(method, path)
    assert answer.status == status
    assert answer.json == {"status": "error", "msg": "Método/endpoint não disponível", "errors": []}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/integracao/cliente?busca=id_cliente&termo_busca=3108", None),
        ("POST", SEND, {"id_fatura": 70215}),
        ("POST", SEND, {}),
        ("GET", OPT_OUT, None),
        ("GET", "/api/v1/integracao/nada", None),
    ],
)
def test_no_browser_keeps_what_the_api_says_of_customers(client, method, path, body):
    assert client.call(method, path, body).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (SEND, "POST"),
        ("/oauth/token", "POST"),
        ("/api/v1/integracao/cliente", "GET, HEAD, PUT"),
        (f"{DISPATCH}/lote", "POST"),
        (f"{DISPATCH}/00000000-0000-4000-8000-000000000000", "GET, HEAD"),
        (OPT_OUT, "DELETE, GET, HEAD, POST"),
        ("/webhook/simulador/errado", "GET, HEAD, POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client, path, methods):
    answer = client.call("PATCH", path)
    assert (answer.status, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/integracao/cliente?busca=id_cliente&termo_busca=3108",
        "/api/v1/integracao/cliente?busca=nada",
        "/api/v1/integracao/cliente/all",
        "/api/v1/integracao/financeiro/fatura",
        DISPATCH,
        f"{DISPATCH}/00000000-0000-4000-8000-000000000000",
        OPT_OUT,
        "/saude",
        "/metrics",
        "/docs",
        "/openapi.json",
    ],
)
def test_head_is_get_without_its_body(client, path):
    changing = {"date", "x-request-id"} | ({"content-length"} if path in ("/saude", "/metrics") else set())
    for _ in range(20):  # a message of another test may arrive between the two, and the list say so
        plain, head, again = client.get(path), client.call("HEAD", path), client.get(path)
        if plain.raw == again.raw or "content-length" in changing:
            break
    assert (head.status, head.raw) == (plain.status, b"")
    assert head.headers.keys() == plain.headers.keys()
    same = plain.headers.keys() - changing
    assert {name: head.headers[name] for name in same} == {name: plain.headers[name] for name in same}


def test_head_is_let_in_as_get_is_and_is_no_way_to_send(house, client):
    assert house.anonymous.call("HEAD", "/api/v1/integracao/cliente").status == 401
    assert client.call("HEAD", SEND).status == 405
    assert "head" not in str(client.get("/openapi.json").json["paths"]).split("'")


def test_a_trailing_slash_is_no_redirect(client):
    assert client.post(SEND + "/", {"id_fatura": 11000}).status == 200
    assert client.get(DISPATCH + "/").status == 200


def test_cors_is_on_for_the_api_only(house):
    headers = {"Origin": "https://painel.example", "Access-Control-Request-Method": "POST"}
    assert (
        house.anonymous.call("OPTIONS", SEND, headers=headers).headers["access-control-allow-origin"] == "*"
    )
    assert "access-control-allow-origin" not in house.anonymous.get("/saude/vivo", headers=headers).headers


def test_a_base_address_that_ends_in_a_slash_works_as_with_the_original(client):
    assert client.post("/" + SEND, {"id_fatura": 11000}).status == 200
    assert client.get(DISPATCH.replace("/disparo", "//disparo")).status == 200
    assert client.post("//oauth/token", {}).json["error"] == "unsupported_grant_type"
    assert client.get("//saude").status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_browser_may_send_what_its_library_adds(house, method):
    headers = {
        "Origin": "https://painel.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,x-requested-with",
    }
    answer = house.anonymous.call("OPTIONS", SEND, headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert "x-requested-with" in answer.headers["access-control-allow-headers"]
    assert method in answer.headers["access-control-allow-methods"]


def test_what_a_browser_may_not_is_said_in_the_envelope(house):
    headers = {"Origin": "https://painel.example", "Access-Control-Request-Method": "TRACE"}
    answer = house.anonymous.call("OPTIONS", SEND, headers=headers)
    assert (answer.status, answer.json["status"], answer.json["errors"]) == (400, "error", [])


def test_a_period_that_ends_before_it_begins_is_refused(client):
    swapped = client.get(f"{DISPATCH}?data_inicio=2026-11-27&data_fim=2026-11-26")
    assert (swapped.status, "(data_fim) deve ser maior ou igual" in swapped.json["msg"]) == (422, True)
    assert client.get(f"{DISPATCH}?data_inicio=2026-11-27&data_fim=2026-11-27").status == 200


def test_dispatches_are_listed_and_paged(client):
    client.send({"id_fatura": 11000})
    listed = client.get(f"{DISPATCH}?itens_por_pagina=1&pagina=0").json
    assert len(listed["disparos"]) == 1
    total = listed["paginacao"]["total_registros"]
    assert listed["paginacao"] == {
        "primeira_pagina": 0,
        "ultima_pagina": total - 1,
        "pagina_atual": 0,
        "total_registros": total,
    }
    assert client.get(f"{DISPATCH}?pagina=100000").json["disparos"] == []
    today = datetime.now().date()
    assert client.get(f"{DISPATCH}?data_inicio={today}&status=&status=entregue").status == 200
    assert client.get(f"{DISPATCH}?data_inicio=2999-01-01").json["paginacao"]["total_registros"] == 0
    for query in (
        "pagina=-1",
        "itens_por_pagina=0",
        "itens_por_pagina=501",
        "status=x",
        "data_fim=ontem",
        "pagina=%00",
    ):
        assert client.get(f"{DISPATCH}?{query}").status == 422, query


@pytest.mark.parametrize("number", ["00000000-0000-0000-0000-000000000000", "x", "%00", "é"])
def test_an_unknown_dispatch(client, number):
    from urllib.parse import quote

    answer = client.get(f"{DISPATCH}/{quote(number, safe='%')}")
    assert (answer.status, "não encontrado" in answer.json["msg"]) == (422, True)


def test_opt_outs(house, client):
    number = "11977776666"
    assert client.post(OPT_OUT, {"telefone": "+55 (11) 97777-6666"}).json["msg"] == "Telefone descadastrado"
    assert client.get(f"{OPT_OUT}?telefone={number}").json["descadastros"][0]["telefone"] == number
    answer = client.send({"id_fatura": 11000, "telefone_adicional": [number]})
    assert answer.json["disparo"]["ignorados"] == [{"telefone": number, "motivo": "descadastrado"}]
    assert house.client(permissions=("send",)).call("DELETE", f"{OPT_OUT}?telefone={number}").status == 403
    assert client.call("DELETE", f"{OPT_OUT}?telefone={number}").status == 200
    assert client.call("DELETE", f"{OPT_OUT}?telefone={number}").status == 422
    assert client.post(OPT_OUT, {"telefone": "x"}).status == 422
    for body in (None, {}):
        assert client.post(f"{OPT_OUT}?telefone=%2B55{number}", body).status == 200
    assert client.call("DELETE", OPT_OUT, {"telefone": number}).status == 200


def test_the_audit_tells_of_opt_outs_that_changed_something(house, client):
    last = house.value("SELECT coalesce(max(id), 0) FROM audit_log")
    for _ in range(2):
        client.post(OPT_OUT, {"telefone": "11955550001"})
    for _ in range(2):
        client.call("DELETE", f"{OPT_OUT}?telefone=11955550001")
    for deed in ("incluir", "incluir", "remover", "remover"):
        house.command("descadastro", deed, "11955550002")
    rows = house.fetch(
        "SELECT action FROM audit_log WHERE action LIKE 'opt_out%' AND id > $1 ORDER BY id", last
    )
    assert [row["action"] for row in rows] == ["opt_out_added", "opt_out_removed"] * 2


@pytest.mark.parametrize("body", [{"telefone": "11966665555"}, "telefone=11966665555"])
def test_an_opt_out_is_removed_by_a_body_too(client, body):
    client.post(OPT_OUT, body)
    assert client.call("DELETE", OPT_OUT).status == 422
    assert client.call("DELETE", OPT_OUT, body).json["msg"] == "O telefone volta a receber SMS"
    assert client.get(f"{OPT_OUT}?telefone=11966665555").json["descadastros"] == []


@pytest.mark.parametrize(
    "body", [{"telefone": "11966664444"}, {"telefone": ["11966665555"]}, {"telefone": ""}, "{"]
)
def test_an_opt_out_stays_if_the_address_and_the_body_disagree(client, body):
    client.post(OPT_OUT, {"telefone": 11966665555})
    assert client.call("DELETE", f"{OPT_OUT}?telefone=11966665555", body).status == 422
    assert client.call("DELETE", f"{OPT_OUT}?telefone=11966665555", {"outro": "1"}).status == 200


def test_every_answer_has_a_request_id(client):
    assert len({client.get(DISPATCH).headers["x-request-id"] for _ in range(3)}) == 3
