"""Only the address moved: what we do not serve goes to HubSoft, and its own tokens work here (docs/api.md §5)."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import jwt
import pytest
from tests.support.client import Client
from tests.support.house import house as run_house
from tests.support.hubsoft import BASE, CLIENT, HubsoftStandIn, settings_for

ROUTES = [
    ("GET", "/atendimento", None),
    ("GET", "/atendimento/todos?pagina=0&a=b%20c&x=1&x=2", None),
    ("POST", "/atendimento", b'{"id_cliente_servico":1,"descricao":"sem internet"}'),
    ("GET", "/eco/com%20espa%C3%A7o/e%2Fbarra?q=%C3%A7+1", None),
    ("POST", "/eco", b"\x00\xff bytes"),
    ("PUT", "/eco/1", b"a=1&b=2"),
    ("DELETE", "/eco/1", None),
    ("PATCH", "/eco/1", b"{}"),
    ("POST", "/eco/grande", b"x" * 3_000_000),
    ("POST", "/cliente", b'{"nome_razaosocial":"NOVO"}'),
    ("GET", "/comprimido", None),
    ("GET", "/pedacos", None),
    ("GET", "/binario", None),
    ("GET", "/vazio", None),
    ("GET", "/desvio", None),
    ("GET", "/biscoitos", None),
    ("GET", "/latino", None),
    *(("GET", f"/codigo{code}", None) for code in (404, 422, 500)),
    ("POST", "/codigo418", b"{}"),
]
#: What belongs to a connection, to a clock, or to us.
OURS = {"date", "server", "connection", "transfer-encoding", "keep-alive", "x-request-id", "vary"}
ADDED = {"access-control-allow-origin", "access-control-expose-headers", "cache-control"}
MISLEADING = ("X-Original-URL", "X-Rewrite-URL", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "X-Client-IP")


@pytest.fixture(scope="module")
def there():
    with HubsoftStandIn(50, 120).running() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, there):
    settings = settings_for(
        there,
        DISPARO_HUBSOFT_LOCAL_CLIENT="2",
        DISPARO_HUBSOFT_LOGIN="true",
        DISPARO_HUBSOFT_TIMEOUT_S="5",
        DISPARO_SYNC_EVERY_S="0",
        DISPARO_COMPANY_DOCUMENT="12.345.678/0001-95",
        DISPARO_COMPANY_NAME="PROVEDOR LTDA",
    )
    folder = tmp_path_factory.mktemp("house")
    with run_house(new_database(), folder, overrides=settings, workers_count=0) as house:
        house.value("INSERT INTO api_clients (name, secret_sha256) VALUES ('hubsoft', '\\x00') RETURNING id")
        yield house


@pytest.fixture(scope="module")
def theirs(house, there):
    return Client(house.stage.base, there.new_token())


@pytest.mark.parametrize("call", ROUTES, ids=lambda call: f"{call[0]} {call[1]}")
def test_body_and_status_are_theirs(there, theirs, call):
    method, path, body = call
    direct = Client(there.url, theirs.token).call(method, BASE + path, body)
    passed = theirs.call(method, BASE + path, body)
    assert (passed.status, passed.raw) == (direct.status, direct.raw)
    kept = {name: value for name, value in direct.headers.items() if name not in OURS}
    given = {name: value for name, value in passed.headers.items() if name not in OURS}
    assert {name: given.get(name) for name in kept} == kept
    assert set(given) - set(kept) <= ADDED


def test_letters_in_a_header_arrive_as_they_left(there, theirs):
    theirs.get(f"{BASE}/atendimento", headers={"User-Agent": "Integração São José".encode()})
    assert there.seen[-1]["headers"]["User-Agent"] == "Integração São José"


def test_a_token_of_ours_never_leaves_and_a_credential_goes_instead(house, there, client):
    there.seen.clear()
    sent = {"Cookie": "sessao=1", "X-Do-Cliente": "sim", **dict.fromkeys(MISLEADING, "/admin")}
    answer = client.get(f"{BASE}/atendimento", headers=sent)
    assert answer.json == {"status": "success", "rota": f"{BASE}/atendimento"}
    seen = there.seen[-1]
    assert seen["token"] in there.tokens
    assert {name.lower() for name in seen["headers"]}.isdisjoint(map(str.lower, ("Cookie", *MISLEADING)))
    assert seen["headers"]["x-do-cliente"] == "sim"
    house.fetch("UPDATE access_tokens SET revoked_at = now() WHERE jti = $1", _jti(client.token))
    assert client.get(f"{BASE}/atendimento").status == 401
    assert client.token not in str(there.seen)


def _jti(token):
    return jwt.decode(token, options={"verify_signature": False})["jti"]


def test_a_credential_that_was_ended_there_is_asked_for_anew(there, client_again):
    lived = set(there.tokens)
    try:
        assert client_again.get(f"{BASE}/atendimento").status == 200
        there.tokens.clear()
        assert client_again.get(f"{BASE}/atendimento").status == 200
        there.tokens.clear()
        assert client_again.post(f"{BASE}/eco", b"corpo").status == 401  # with a body it is the next one
        assert client_again.post(f"{BASE}/eco", b"corpo").raw == b"corpo"
    finally:
        there.tokens |= lived


def test_it_takes_a_permission_of_its_own(house):
    assert house.client(permissions=("send",)).get(f"{BASE}/atendimento").status == 403


def test_without_a_token_nothing_goes_anywhere(house, there):
    calls = there.calls.total()
    assert house.anonymous.get(f"{BASE}/atendimento").status == 401
    assert there.calls.total() == calls


@pytest.mark.parametrize(
    "path",
    [
        "/webhook/simulador/errado",
        "/api/v1/outra",
        "/api/v2/integracao/x",
        f"{BASE}/../../../oauth/token",
        f"{BASE}/..%2f..%2f..%2foauth/token",
        f"{BASE}/%2e%2e/%2e%2e/x",
        f"{BASE}/a/%252e%252e/x",
        f"{BASE}/..%5c..%5cx",
        "/metrics/x",
    ],
)
def test_nothing_else_is_passed_through(house, there, theirs, path):
    calls = there.calls.total()
    answer = theirs.get(path)
    assert answer.status == 404
    assert answer.json["msg"] == "Método/endpoint não disponível"
    assert there.calls.total() == calls


def test_the_line_of_a_call_that_is_passed_on_names_its_client(house, client_again):
    answer = client_again.get(f"{BASE}/atendimento")
    assert answer.status == 200, answer.raw

    def written():  # once the last of the answer has left
        lines = house.stage.roles["server"].log.read_text().splitlines()
        return [line for line in lines if answer.headers["x-request-id"] in line]

    house.until(written)
    assert json.loads(written()[0])["client_id"]


def test_an_answer_that_breaks_off_breaks_off_here_too(theirs):
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        theirs.get(f"{BASE}/cortado")


@pytest.mark.parametrize("body", [b"", b"{}"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_what_may_change_something_is_never_asked_twice(there, theirs, method, body):
    calls = there.calls[f"{BASE}/mudo"]
    assert theirs.call(method, f"{BASE}/mudo", body).status == 502
    assert there.calls[f"{BASE}/mudo"] == calls + 1


@pytest.mark.parametrize(
    ("method", "body"), [("POST", b"{}"), ("PATCH", b"{}"), ("GET", b"{}"), ("GET", None)]
)
def test_a_connection_that_is_closed_while_it_rests_loses_no_call(theirs, method, body):
    assert theirs.get(f"{BASE}/atendimento").status == 200  # over one that may be used again
    assert theirs.call(method, f"{BASE}/umavez", body).status == 200


@pytest.mark.parametrize("call", [("GET", "/lento", 0), ("POST", "/eco", 10)], ids=["waiting", "sending"])
def test_nobody_is_asked_for_who_hung_up_and_hubsoft_is_not_blamed(house, there, theirs, call):
    method, path, length = call
    calls = there.calls[BASE + path]
    log = house.stage.roles["server"].log
    before = log.read_text()
    gone = http.client.HTTPConnection(*theirs.base.removeprefix("http://").split(":"))
    gone.putrequest(method, BASE + path)
    gone.putheader("Authorization", f"Bearer {theirs.token}")
    gone.putheader("Content-Length", str(length))
    gone.endheaders(b"x" * (length // 2))
    house.until(lambda: there.calls[BASE + path] > calls)
    gone.close()

    # Not the first new line: the one of the call before may come late.
    house.until(lambda: '"status":499' in log.read_text().removeprefix(before))
    assert "hubsoft_does_not_answer" not in log.read_text().removeprefix(before)


def test_a_slow_one_times_out_with_the_envelope_and_slows_nobody(house, there, theirs, client_again):
    path, answers, quick = f"{BASE}/lento", [], 0
    calls = there.calls[path]
    slow = [threading.Thread(target=lambda: answers.append(theirs.get(path).status)) for _ in range(20)]
    for thread in slow:
        thread.start()
    house.until(lambda: there.calls[path] >= calls + 20)
    for _ in range(60):
        assert client_again.get(f"{BASE}/cliente?busca=id_cliente&termo_busca=1").status == 200
        quick += not answers
    for thread in slow:
        thread.join()
    assert answers == [502] * 20
    assert quick  # answered while all of those waited


@pytest.fixture(scope="module")
def client_again(house):
    return house.client()


def test_their_token_sends_and_looks_up_and_nothing_more(house, there, theirs):
    answer = theirs.send({"id_fatura": 11000})
    assert answer.status == 200, answer.raw
    row = house.fetch("SELECT client_id, user_id FROM dispatches ORDER BY created_at DESC LIMIT 1")[0]
    assert tuple(row) == (2, 0)
    assert theirs.get(f"{BASE}/cliente?busca=id_cliente&termo_busca=3108").json["clientes"]
    assert theirs.call("PUT", f"{BASE}/cliente", {"id_cliente": 1, "nome_razaosocial": "X"}).status == 403
    assert theirs.post(f"{BASE}/disparo/x/cancelar").status == 403


def test_what_we_serve_is_answered_here_for_head_too(house, there, client_again):
    calls = there.calls.total()
    answer = client_again.call("HEAD", f"{BASE}/cliente?busca=id_cliente&termo_busca=3108")
    assert (answer.status, answer.raw, there.calls.total()) == (200, b"", calls)
    log = house.stage.roles["server"].log

    def line():
        return [each for each in log.read_text().splitlines() if answer.headers["x-request-id"] in each]

    assert json.loads(house.until(line)[0])["route"] == f"{BASE}/cliente"
    assert client_again.call("HEAD", f"{BASE}/atendimento").status == 200
    assert there.calls.total() > calls


def test_their_token_is_asked_about_once_and_only_its_digest_is_kept(house, there):
    token = there.new_token()
    there.calls.clear()
    again = Client(house.stage.base, token)
    for _ in range(5):
        assert again.send({"id_fatura": "x"}).status == 422
    assert there.calls[f"{BASE}/cliente"] == 1
    log = (house.stage.folder / "server.log").read_text()
    assert token not in log


@pytest.mark.parametrize("token", ["invalido-de-todo-nada", "x", "a" * 5000, "com espaco dentro dele"])
def test_a_token_that_nobody_knows(house, token):
    assert Client(house.stage.base, token).send({"id_fatura": 1}).status == 401


@pytest.mark.parametrize(
    "page", ["<html>Em manutenção</html>", '{"status":"error","msg":"Em manutenção"}', "[]", ""]
)
def test_a_page_that_stands_in_for_hubsoft_lets_no_token_in(house, there, page):
    there.page = page
    try:
        answer = Client(house.stage.base, f"inventado-{time.monotonic()}").send({"id_fatura": 11000})
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    finally:
        there.page = None


@pytest.mark.parametrize("status", [302, 404, 408, 418, 520, 522, 530])
def test_only_hubsoft_says_that_a_token_is_dead(house, there, status):
    """A program that is told 401 throws its token away, and the SMS with it."""
    again = Client(house.stage.base, there.new_token())
    there.page, there.page_status = "<html>Web server is down</html>", status
    try:
        answer = again.send({"id_fatura": 11000})
        assert (answer.status, answer.headers.get("retry-after")) == (503, "5")
    finally:
        there.page, there.page_status = None, 200
    assert again.send({"id_fatura": 11000}).status == 200


def test_logins_of_their_clients_pass_through_and_ours_stay_here(house, there):
    body = {"grant_type": "password", **CLIENT}
    answer = house.anonymous.post("/oauth/token", body)
    assert (answer.status, answer.json["access_token"] in there.tokens) == (200, True)
    wrong = house.anonymous.post("/oauth/token", {**body, "password": "x"})
    assert (wrong.status, wrong.json["error"]) == (401, "invalid_client")
    calls = there.calls["/oauth/token"]
    assert house.anonymous.post("/oauth/token", house.account()).json["token_type"] == "Bearer"
    assert there.calls["/oauth/token"] == calls


def test_an_invoice_made_a_moment_ago_is_looked_for_before_the_refusal(house, there, client_again):
    there.add_invoice(990_100, 9)
    answer = client_again.send({"id_fatura": 990_100})
    assert answer.status == 200, answer.raw
    assert answer.json["job"]["telefones"][0]["nome"] == "CLIENTE 9"
    assert client_again.send({"id_fatura": 990_999}).status == 422


def test_the_command_brings_the_register_over(house, there):
    done = house.command("sincronizar", "hubsoft")
    count = there.invoices + len(there.extra)
    said = f"Sincronização completa: 50 cliente(s), {count} fatura(s), 0 deixado(s) de fora"
    assert (done.returncode, said in done.stdout) == (0, True), done
    assert house.value("SELECT count(*) FROM invoices WHERE source = 'hubsoft'") == count
    shown = house.command("sincronizar", "situacao")
    assert "HubSoft: completa até" in shown.stdout
    ended = re.search(r"última que terminou: (.*)", shown.stdout)
    at = datetime.strptime(ended[1], "%d/%m/%Y %H:%M:%S").replace(tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert abs((datetime.now(UTC) - at).total_seconds()) < 600


def test_rows_that_did_not_come_are_told_wherever_somebody_looks(house, there):
    there.changes[700_012] = {"valor": "muito"}
    try:
        done = house.command("sincronizar", "hubsoft", "--completo")
        assert "1 deixado(s) de fora" in done.stdout
        words = "1 registro não veio: não lidos, de cliente que falta, ou contados e não listados"
        assert words in house.command("sincronizar", "situacao").stdout
        doctor = house.command("doctor", DISPARO_PORT=str(house.stage.server_port)).stdout
        assert f"aviso  sincronização com hubsoft: {words}" in doctor
        assert (
            'disparo_sync_rows_missing{source="hubsoft"} 1.0' in house.anonymous.get("/metrics").raw.decode()
        )
    finally:
        there.changes.clear()
    house.command("sincronizar", "hubsoft", "--completo")
    doctor = house.command("doctor", DISPARO_PORT=str(house.stage.server_port)).stdout
    assert "ok     sincronização com hubsoft: na última que terminou não faltou registro" in doctor
    assert 'disparo_sync_rows_missing{source="hubsoft"} 0.0' in house.anonymous.get("/metrics").raw.decode()


def test_an_invoice_is_shown_with_the_company_that_issued_it(house, there, client_again):
    company = {"documento": "36636392000127", "nome_razaosocial": "FIBRA SUL LTDA", "nome_fantasia": None}
    there.changes = {
        700_010: {"empresa": company},
        700_060: {"empresa": {**company, "nome_fantasia": "FIBRA"}},
    }
    house.command("sincronizar", "hubsoft", "--completo")
    report = f"{BASE}/financeiro/fatura?exibir_fatura_inativa=sim&itens_por_pagina=500"
    report += f"&data_inicio={there.today - timedelta(days=90)}&data_fim={there.today + timedelta(days=120)}"

    def found(documento):
        answer = client_again.get(f"{report}&documento={documento}").json
        assert answer["paginacao"]["total_registros"] == len(answer["faturas"])
        return {invoice["id_fatura"]: invoice["empresa"] for invoice in answer["faturas"]}

    assert found("36.636.392/0001-27") == {id_: change["empresa"] for id_, change in there.changes.items()}
    others = found("12345678000195")
    assert len(others) == len(found("")) - 2
    assert others[700_011] == {
        "documento": "12345678000195",
        "nome_razaosocial": "PROVEDOR LTDA",
        "nome_fantasia": "PROVEDOR LTDA",
    }
    assert set(found("00000000011")) == {700_010, 700_060, 700_110}  # a customer's
    assert found("11222333000181") == {}
    of_customer = f"{BASE}/cliente/financeiro?busca=id_cliente&termo_busca=11&apenas_pendente=nao"
    shown = {one["id_fatura"]: one for one in client_again.get(of_customer).json["faturas"]}
    assert (shown[700_010]["empresa"], shown[700_010]["beneficiario"]) == (company, "FIBRA SUL LTDA")
    assert shown[700_110]["beneficiario"] == "PROVEDOR LTDA"
    there.changes.clear()
    house.command("sincronizar", "hubsoft", "--completo")
    assert set(found("36636392000127")) == {700_010, 700_060}  # what is not told stays


def test_with_hubsoft_down_there_is_a_502_and_our_own_routes_work(house, there, theirs, client_again):
    there.fail_after = 0
    try:
        assert theirs.get(f"{BASE}/atendimento").status == 503  # its own answer, as it is
        assert client_again.send({"id_fatura": 11000}).status == 200
        answer = Client(house.stage.base, "nunca-visto-antes-token").send({"id_fatura": 11000})
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    finally:
        there.fail_after = None


def test_with_nobody_there_at_all(house, there, theirs, client_again):
    """The last one: the stand-in does not come back."""
    there.stop()
    answer = theirs.get(f"{BASE}/atendimento")
    assert (answer.status, answer.json) == (
        502,
        {"status": "error", "msg": "O HubSoft não respondeu; tente novamente em instantes", "errors": []},
    )
    assert client_again.get(f"{BASE}/atendimento").status == 502
    assert client_again.send({"id_fatura": 11000}).status == 200
    assert client_again.send({"id_fatura": 990_998}).status == 503
