"""api.md §3: enviar_sms, from the call to the handset."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from tests.support.client import DISPATCH, OPT_OUT, SEND

SEED = '{"id_fatura":"11000", "telefone_adicional":["11988887777","1188887776"]}'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def count(house):
    return house.value("SELECT count(*) FROM messages"), house.value("SELECT count(*) FROM dispatches")


def phones(answer):
    return [phone["telefone"] for phone in answer.json["job"]["telefones"]]


def test_the_seeds_call(house, client):
    answer = client.send(SEED, headers={**JSON, "Accept": "application/json"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    reply = answer.json
    assert list(reply) == ["status", "msg", "job", "disparo"]
    assert reply["status"] == "success"
    assert reply["msg"].startswith("As faturas foram adicionadas para serem disparadas por SMS.")
    assert "mensagens SMS" in reply["msg"]
    job = reply["job"]
    assert list(job) == ["tries", "timeout", "memory", "faturas", "telefones", "connection", "queue", "delay"]
    assert (job["tries"], job["timeout"], job["memory"]) == (1, 172800, 2048)
    assert (job["faturas"], job["connection"], job["queue"]) == ([{"id_fatura": 11000}], None, "sms")
    assert [list(phone) for phone in job["telefones"]] == [
        ["id_contato", "id_cliente", "telefone", "nome", "permite_enviar_sms", "origem"]
    ] * 3
    assert [(phone["telefone"], phone["origem"]) for phone in job["telefones"]] == [
        ("37999931412", "cadastro_cliente"),
        ("11988887777", "telefone_adicional"),
        ("1188887776", "telefone_adicional"),
    ]
    assert job["telefones"][0] == {
        "id_contato": None,
        "id_cliente": 12025,
        "telefone": "37999931412",
        "nome": "MACIEL RODRIGUES",
        "permite_enviar_sms": True,
        "origem": "cadastro_cliente",
    }
    assert (job["delay"]["timezone_type"], job["delay"]["timezone"]) == (3, "America/Sao_Paulo")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", job["delay"]["date"])
    house.until_state(client, answer, "entregue")
    shown = client.get(reply["disparo"]["consulta"]).json["disparo"]
    assert shown["contagem"] == {"entregue": 3}
    assert shown["situacao"] == "concluido"


def test_the_seeds_json_block_with_the_phones_under_email_adicional(client):
    body = '{"id_fatura":"11000","email_adicional":["11988887777","1188887776"]}'
    assert phones(client.send(body, headers=JSON)) == ["37999931412", "11988887777", "1188887776"]


def test_emails_under_email_adicional_are_ignored_and_telefone_adicional_wins(client):
    assert phones(client.send({"id_fatura": 11000, "email_adicional": ["a@b.com", "11988887777"]})) == [
        "37999931412"
    ]
    both = {"id_fatura": 11000, "telefone_adicional": ["11988881111"], "email_adicional": ["11988882222"]}
    assert phones(client.send(both)) == ["37999931412", "11988881111"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ('{"id_fatura": 11000, "telefone_adicional": ["11988887777"]}', JSON),
        ('{"id_fatura": " 11000 ", "telefone_adicional": "11988887777"}', JSON),
        ('{"id_fatura": 11000, "telefone_adicional": [11988887777]}', JSON),
        ('\ufeff {"id_fatura": 11000, "telefone_adicional": ["+55 (11) 98888-7777"]}', {}),
        ('{"id_fatura": 1, "id_fatura": 11000, "telefone_adicional": ["011988887777"]}', FORM),
        (
            '{"id_fatura": 11000, "telefone_adicional": ["11988887777"], "x": {"y": [1]}}',
            {"Content-Type": "text/plain"},
        ),
        ("id_fatura=11000&telefone_adicional[]=11988887777", FORM),
        ("id_fatura=11000&telefone_adicional[]=11988887777", JSON),
        ("id_fatura=11000&telefone_adicional%5B0%5D=5511988887777", {}),
        ("id_fatura=1&id_fatura=11000&telefone_adicional=11988887777", FORM),
        (
            '--X\r\nContent-Disposition: form-data; name="id_fatura"\r\n\r\n11000\r\n'
            '--X\r\nContent-Disposition: form-data; name="telefone_adicional[]"\r\n\r\n11988887777\r\n--X--\r\n',
            {"Content-Type": "multipart/form-data; boundary=X"},
        ),
    ],
)
def test_encodings_of_the_field(client, body, headers):
    answer = client.send(body, headers=headers)
    assert answer.status == 200, answer.raw
    assert phones(answer) == ["37999931412", "11988887777"]


@pytest.mark.parametrize("none", [None, [], ""])
def test_no_additional_phones(client, none):
    assert phones(client.send({"id_fatura": 11000, "telefone_adicional": none})) == ["37999931412"]


REFUSED = [
    ({}, "Favor preencher o atributo (id_fatura)"),
    ({"id_fatura": None}, "Favor preencher o atributo (id_fatura)"),
    ({"id_fatura": 0}, "maior que 0"),
    ({"id_fatura": -1}, "maior que 0"),
    ({"id_fatura": True}, "maior que 0"),
    ({"id_fatura": 1.0}, "maior que 0"),
    ({"id_fatura": "1_000"}, "maior que 0"),
    ({"id_fatura": "1e3"}, "maior que 0"),
    ({"id_fatura": "１１０００"}, "maior que 0"),
    ({"id_fatura": "9" * 19}, "maior que 0"),
    ({"id_fatura": 10**18}, "maior que 0"),
    ({"id_fatura": [11000]}, "maior que 0"),
    ({"id_fatura": 424242}, "Fatura de ID 424242 não encontrada"),
    ({"id_fatura": 70221}, "A fatura de ID 70221 já encontra-se quitada com data de pagamento em "),
    ({"id_fatura": 70222}, "A fatura de ID 70222 está cancelada"),
    ({"id_fatura": 70217}, "Nenhum telefone celular válido para a fatura de ID 70217"),
    ({"id_fatura": 70219}, "Nenhum telefone celular válido para a fatura de ID 70219"),
    ({"id_fatura": 11000, "telefone_adicional": ["11988887777", "123"]}, "123"),
    ({"id_fatura": 11000, "telefone_adicional": ["20988887777"]}, "20988887777"),
    ({"id_fatura": 11000, "telefone_adicional": [""]}, "(vazio)"),
    ({"id_fatura": 11000, "telefone_adicional": [None]}, "telefone"),
    ({"id_fatura": 11000, "telefone_adicional": [{"a": 1}]}, "telefone"),
    ({"id_fatura": 11000, "telefone_adicional": {"a": 1}}, "array de strings"),
    ({"id_fatura": 11000, "telefone_adicional": 1.5}, "array de strings"),
    ({"id_fatura": 11000, "telefone_adicional": [f"119888800{n:02}" for n in range(11)]}, "máximo 10"),
]


@pytest.mark.parametrize(("body", "says"), REFUSED)
def test_refusals_queue_nothing(house, client, body, says):
    before = count(house)
    answer = client.send(body)
    assert answer.status == 422
    assert list(answer.json) == ["status", "msg", "errors"]
    assert answer.json["status"] == "error"
    assert says in answer.json["msg"]
    assert all(isinstance(error, str) for error in answer.json["errors"])
    assert count(house) == before


def test_clients_set_to_hubsofts_codes_get_the_same_body_with_200(house, client):
    like_hubsoft = house.client(error_codes="hubsoft")
    for body, _ in REFUSED:
        rest, original = client.send(body), like_hubsoft.send(body)
        assert (original.status, original.raw) == (200, rest.raw)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("{", JSON, 422),
        ('{"id_fatura": NaN}', JSON, 422),
        ('{"id_fatura": 1' + "0" * 5000 + "}", JSON, 422),
        ('{"a":' * 20_00 + "1" + "}" * 20_00, JSON, 422),
        ('{"id_fatura": "\\ud800"}', JSON, 422),
        ('{"id_fatura": 11000, "telefone_adicional": ["\\ud800\\u0000"]}', JSON, 422),
        ('{"id_fatura": "1\\u0000"}', JSON, 422),
        ("[1]", JSON, 422),
        ('"x"', JSON, 422),
        ("<xml/>", {"Content-Type": "application/xml"}, 415),
        (b"\x1f\x8b", {**JSON, "Content-Encoding": "gzip"}, 415),
        (b"{" + b" " * 70_000, JSON, 413),
        ("--X\r\nbroken", {"Content-Type": "multipart/form-data; boundary=X"}, 422),
        ("x", {"Content-Type": "multipart/form-data"}, 422),
        (b"\xff\xfe\xfd", JSON, 422),
        ("&".join(f"a{n}=1" for n in range(2000)), FORM, 422),
    ],
)
def test_hostile_bodies_get_a_clear_answer(client, body, headers, status):
    answer = client.send(body, headers=headers)
    assert answer.status == status, answer.raw[:200]
    assert answer.json["status"] == "error"
    assert answer.json["msg"]


def test_phones_that_are_left_out_are_listed(client):
    answer = client.send({"id_fatura": 70215, "telefone_adicional": ["2133334444", "21987650006"]})
    assert phones(answer) == ["31987650001"]
    assert answer.json["disparo"]["ignorados"] == [
        {"telefone": "3133334444", "motivo": "telefone_fixo"},
        {"telefone": "2133334444", "motivo": "telefone_fixo"},
        {"telefone": "21987650006", "motivo": "descadastrado"},
    ]


def test_contacts_and_numbers_that_share_a_field(client):
    answer = client.send({"id_fatura": 70218})
    (contact,) = answer.json["job"]["telefones"]
    assert (contact["id_contato"], contact["origem"], contact["nome"]) == (
        501,
        "contato",
        "GABRIELA (FINANCEIRO)",
    )
    assert phones(client.send({"id_fatura": 70220})) == ["11987650007", "11987650008"]


def test_a_legacy_mobile_is_shown_as_registered_and_sent_with_nine_digits(house, client):
    answer = client.send({"id_fatura": 70216})
    assert phones(answer) == ["1187650002"]
    house.until_state(client, answer, "entregue")
    assert "+5511987650002" in {message["to"] for message in house.received("Bruno")}


# Idempotency


def test_the_same_key_and_body_give_the_same_bytes_and_queue_nothing(house, client):
    body, headers = {"id_fatura": 11000}, {"Idempotency-Key": "chave-1"}
    first = client.send(body, headers=headers)
    before = count(house)
    again = client.send(body, headers=headers)
    assert (again.status, again.raw) == (200, first.raw)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert count(house) == before


def test_the_same_key_with_another_request_is_refused(house, client):
    headers = {"Idempotency-Key": "chave-2"}
    client.send({"id_fatura": 11000}, headers=headers)
    before = count(house)
    answer = client.send({"id_fatura": 11000, "telefone_adicional": ["11988880000"]}, headers=headers)
    assert (answer.status, "Idempotency-Key" in answer.json["msg"]) == (422, True)
    assert count(house) == before
    assert client.send('{"id_fatura": "11000", "x": 1}', headers={**headers, **JSON}).status == 200


def test_a_refusal_is_not_kept(house, client):
    headers = {"Idempotency-Key": "chave-3"}
    assert client.send({"id_fatura": 777_001}, headers=headers).status == 422
    house.fetch(
        "INSERT INTO invoices (id, customer_id, amount, due_date) VALUES (777001, 3108, 1, current_date)"
    )
    assert client.send({"id_fatura": 777_001}, headers=headers).status == 200


def test_keys_of_other_clients_are_other_keys(house, client):
    headers = {"Idempotency-Key": "chave-4"}
    first = client.send({"id_fatura": 11000}, headers=headers)
    other = house.client().send({"id_fatura": 11000}, headers=headers)
    assert first.json["disparo"]["id"] != other.json["disparo"]["id"]


def test_fifty_callers_with_one_key_make_one_dispatch(house, client):
    headers = {"Idempotency-Key": "corrida"}
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: client.send({"id_fatura": 11000}, headers=headers), range(50)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.raw for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_a_key_that_is_none_is_refused(client, key):
    answer = client.send({"id_fatura": 11000}, headers={"Idempotency-Key": key.encode().decode("latin-1")})
    assert answer.status == 422


# Settings of the API client


def test_within_the_repeat_window_nobody_is_messaged_twice(house):
    menu = house.client(repeat_window_s=60)
    first = menu.send({"id_fatura": 50949})
    before = count(house)
    again = menu.send({"id_fatura": 50949})
    assert again.status == 200
    assert again.json["job"]["telefones"] == []
    assert again.json["disparo"]["id"] == first.json["disparo"]["id"]
    assert again.json["disparo"]["ignorados"] == [{"telefone": "37999931412", "motivo": "repetida"}]
    assert count(house) == before
    more = menu.send({"id_fatura": 50949, "telefone_adicional": ["11988889999"]})
    assert phones(more) == ["11988889999"]


def test_two_presses_at_once_make_one_message(house):
    menu = house.client(repeat_window_s=60)
    house.fetch(
        "INSERT INTO invoices (id, customer_id, amount, due_date) VALUES (777002, 3108, 1, current_date)"
    )
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: menu.send({"id_fatura": 777002}), range(10)))
    assert {answer.status for answer in answers} == {200}
    assert house.value("SELECT count(*) FROM messages WHERE invoice_id = 777002") == 1


def test_the_daily_cap_of_additional_phones(house):
    capped = house.client(extra_phones_per_day=2)
    assert (
        capped.send({"id_fatura": 11000, "telefone_adicional": ["11988880001", "11988880002"]}).status == 200
    )
    answer = capped.send({"id_fatura": 11000, "telefone_adicional": ["11988880003"]})
    assert (answer.status, "limite diário de 2" in answer.json["msg"]) == (422, True)
    assert capped.send({"id_fatura": 11000}).status == 200


def test_the_cap_holds_under_concurrency(house):
    capped = house.client(extra_phones_per_day=5)

    def one(number):
        return capped.send({"id_fatura": 11000, "telefone_adicional": [f"119888810{number:02}"]}).status

    with ThreadPoolExecutor(20) as threads:
        assert sorted(threads.map(one, range(20))) == [200] * 5 + [422] * 15


def test_a_clients_rate_limit(house):
    slow = house.client(rate_per_s=0.5, rate_burst=3)
    answers = [slow.get(DISPATCH) for _ in range(6)]
    assert [answer.status for answer in answers][:3] == [200, 200, 200]
    last = answers[-1]
    assert last.status == 429
    assert (
        last.json["msg"] == f"Muitas requisições. Tente novamente em {last.json['retry_after']} segundo(s)."
    )
    assert last.headers["retry-after"] == str(last.json["retry_after"])


# Around it


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


def test_a_trailing_slash_is_no_redirect(client):
    assert client.post(SEND + "/", {"id_fatura": 11000}).status == 200
    assert client.get(DISPATCH + "/").status == 200


def test_cors_is_on_for_the_api_only(house):
    headers = {"Origin": "https://painel.example", "Access-Control-Request-Method": "POST"}
    assert (
        house.anonymous.call("OPTIONS", SEND, headers=headers).headers["access-control-allow-origin"] == "*"
    )
    assert "access-control-allow-origin" not in house.anonymous.get("/saude", headers=headers).headers


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


def test_every_answer_has_a_request_id(client):
    assert len({client.get(DISPATCH).headers["x-request-id"] for _ in range(3)}) == 3


def test_health_and_metrics(house):
    assert house.anonymous.get("/saude").json == {"vivo": True, "pronto": True}
    text = house.anonymous.get("/metrics").raw.decode()
    assert 'disparo_accept_verdicts_total{verdict="accepted"}' in text
    assert 'disparo_messages{status="uncertain"}' in text


# What becomes of it


def test_cancelling_what_has_not_gone_yet(house, client):
    house.behave(mode="throttle")
    answer = client.send({"id_fatura": 11000, "telefone_adicional": ["11966665555"]})
    house.until(lambda: house.states(client, answer) == ["agendada"] * 2 and _attempts(client, answer) >= 1)
    path = f"{DISPATCH}/{answer.json['disparo']['id']}/cancelar"
    cancelled = client.post(path)
    assert cancelled.status == 200
    assert cancelled.json["canceladas"] + cancelled.json["ja_entregues"] == 2
    house.behave(mode="accept")
    assert client.post(path).json["canceladas"] == 0


def _attempts(client, answer):
    shown = client.get(answer.json["disparo"]["consulta"]).json["disparo"]["mensagens"]
    return min(message["tentativas"] for message in shown)


@pytest.mark.parametrize(
    ("behaviour", "state", "reason"),
    [
        ({"mode": "refuse", "code": "content"}, "falhou", "conteudo_recusado"),
        ({"mode": "throttle"}, "agendada", "plataforma_pediu_para_esperar"),
        ({"mode": "no_credit"}, "agendada", "sem_credito_na_plataforma"),
        ({"mode": "bad_auth"}, "agendada", "credenciais_da_plataforma_recusadas"),
        ({"mode": "error"}, "incerta", "motivo_nao_informado"),
        ({"mode": "redirect"}, "incerta", "motivo_nao_informado"),
        ({"mode": "drop"}, "incerta", "plataforma_fora_de_alcance"),
    ],
)
def test_a_failing_platform_refuses_no_call_and_the_fate_is_shown(house, client, behaviour, state, reason):
    house.behave(**behaviour, receipts=[])
    answer = client.send({"id_fatura": 11000})
    assert answer.status == 200

    def shown():
        (message,) = client.get(answer.json["disparo"]["consulta"]).json["disparo"]["mensagens"]
        return message["situacao"] == state and message["motivo"] == reason

    house.until(shown)
    client.post(f"{DISPATCH}/{answer.json['disparo']['id']}/cancelar")


@pytest.mark.parametrize("mode", ["error_taken", "take_and_drop", "cut", "garbage"])
def test_taken_without_a_usable_answer_is_settled_by_the_receipt(house, client, mode):
    house.behave(mode=mode)
    answer = client.send({"id_fatura": 11000})
    house.until_state(client, answer, "entregue")
    assert house.simulator.get("/v1/stats").json["doubles_by_reference"] == 0


def test_a_platform_that_is_down_for_a_moment(house, client):
    simulator = house.stage.roles["simulator"]
    simulator.stop()
    answer = client.send({"id_fatura": 11000})
    house.until(lambda: _reason(client, answer) == "plataforma_fora_de_alcance")
    simulator.start()
    house.until_state(client, answer, "entregue")


def _reason(client, answer):
    return client.get(answer.json["disparo"]["consulta"]).json["disparo"]["mensagens"][0]["motivo"]


def test_a_number_the_platform_calls_wrong_is_marked_and_a_late_refusal_moves_on(house, client):
    house.behave(receipts=["undelivered"], receipt_code="invalid_number")
    answer = client.send({"id_fatura": 11000, "telefone_adicional": ["11955554444"]})
    house.until_state(client, answer, "nao_entregue")
    assert house.value("SELECT count(*) FROM bad_numbers WHERE e164 = '+5511955554444'") == 1


def test_an_invoice_paid_after_the_call_is_not_sent(house, client):
    house.fetch(
        "INSERT INTO invoices (id, customer_id, amount, due_date) VALUES (777003, 3108, 7.77, current_date)"
    )
    house.behave(mode="throttle")
    answer = client.send({"id_fatura": 777003})
    house.until(lambda: _reason(client, answer) == "plataforma_pediu_para_esperar")
    house.fetch("UPDATE invoices SET status = 'paid', paid_at = current_date WHERE id = 777003")
    house.behave(mode="accept")
    house.until_state(client, answer, "dispensada")
    assert _reason(client, answer) == "fatura_quitada"
    assert house.received("R$ 7,77") == []


def test_no_phone_text_or_secret_is_in_any_log(house, client):
    client.send(SEED, headers=JSON)
    client.send({"id_fatura": 11000, "telefone_adicional": ["1198888"]})
    for role in house.stage.roles.values():
        text = role.log.read_text(errors="replace")
        assert not re.search(r"\d{10,}", re.sub(r'"[a-z_]*(id|timestamp)": "[^"]*"', "", text)), role.name
        for secret in ("MACIEL", "faturas.example", client.token, "ensaio"):
            assert secret not in text, (role.name, secret)


def test_the_document_names_the_route_and_its_answers(house):
    document = json.loads(house.anonymous.get("/openapi.json").raw)
    answers = document["paths"][SEND]["post"]["responses"]
    assert {"200", "401", "403", "409", "413", "415", "422", "429", "500", "503"} <= set(answers)
    assert house.anonymous.get("/docs").status == 200
