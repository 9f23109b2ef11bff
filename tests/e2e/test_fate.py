"""What becomes of an accepted message: cancelled, failing platforms, late receipts, paid meanwhile."""

from __future__ import annotations

import json
import re

import pytest
from tests.support.calls import JSON, SEED
from tests.support.client import DISPATCH, SEND

from disparo.db import platform_states


@pytest.fixture(autouse=True)
def _is_tried_at_once(house):
    """What a test did to the platform must not keep the next one waiting for the moment of a probe."""
    house.run(lambda connection: platform_states.resume(connection, "simulador"))


def test_cancelling_what_has_not_gone_yet(house, client):
    house.behave(mode="throttle")
    answer = client.send({"id_fatura": 11000, "telefone_adicional": ["11966665555"]})
    house.until(lambda: house.states(client, answer) == ["agendada"] * 2 and _attempts(client, answer) >= 1)
    path, cancelled = f"{DISPATCH}/{answer.json['disparo']['id']}/cancelar", 0

    def none_is_left():
        """One that is being handed over is not taken back; refused again, it waits again and is."""
        nonlocal cancelled
        told = client.post(path)
        assert told.status == 200
        cancelled += told.json["canceladas"]
        return house.states(client, answer) == ["cancelada"] * 2

    house.until(none_is_left)
    house.behave(mode="accept")
    assert client.post(path).json["canceladas"] == 0
    assert cancelled == 2


def test_the_command_line_tells_a_message_in_words(house, client):
    house.behave(mode="refuse", code="content", receipts=[])
    answer = client.send({"id_fatura": 11000})
    house.until(lambda: house.states(client, answer) == ["falhou"])
    told = _told(house)
    assert "(falhou, a plataforma recusou o texto)" in told
    assert "tentativa na plataforma simulador: a plataforma recusou, código content" in told
    assert "pela API (cliente " in told
    assert "na fila de envio  pelo programa de envio" in told
    assert not any(word in told for word in ("worker", "refused", "user:", "platform:"))


def _told(house):
    told = house.command("mensagem", "buscar", "--fatura", 11000, "--limite", 1)
    assert told.returncode == 0, told.stderr
    return told.stdout


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
    house.until(lambda: house.value("SELECT count(*) FROM bad_numbers WHERE e164 = '+5511955554444'") == 1)


def test_why_a_receipt_says_it_did_not_arrive_is_told_with_its_code(house, client):
    house.behave(receipts=["sent", "undelivered"], receipt_code="operadora-17")
    answer = client.send({"id_fatura": 11000})
    house.until_state(client, answer, "nao_entregue")
    (message,) = client.get(answer.json["disparo"]["consulta"]).json["disparo"]["mensagens"]
    assert message["codigo"] == "operadora-17"
    both = [
        f"confirmação da plataforma simulador: {said}, pela operadora SIMULADA"
        for said in ("a operadora recebeu", "não entregue no aparelho")
    ]
    told = house.until(lambda: (found := _told(house)) and all(said in found for said in both) and found)
    assert "por um motivo que o Disparo não conhece, código operadora-17" in told


def test_an_invoice_paid_after_the_call_is_not_sent(house, client):
    house.fetch(
        "INSERT INTO invoices (id, customer_id, amount, due_date) VALUES (777003, 3108, 7.77, current_date)"
    )
    house.behave(mode="throttle")
    answer = client.send({"id_fatura": 777003})
    house.until(lambda: _reason(client, answer) == "plataforma_pediu_para_esperar")
    house.fetch("UPDATE invoices SET status = 'paid', paid_at = current_date WHERE id = 777003")
    # It goes on refusing: what is on its way to it was looked at before.
    house.until_state(client, answer, "dispensada")
    assert _reason(client, answer) == "fatura_quitada"
    assert house.received("R$ 7,77") == []


def test_an_invoice_of_nothing_gets_no_sms_unasked(house, client):
    house.fetch(
        """INSERT INTO invoices (id, customer_id, amount, due_date)
           VALUES (777004, 3108, 0, current_date), (777005, 3108, 8.88, current_date)"""
    )
    refused = client.send({"id_fatura": 777004})
    assert (refused.status, refused.json["msg"]) == (422, "A fatura de ID 777004 é de R$ 0,00")
    listed = client.post(f"{DISPATCH}/lote", {"ids_fatura": [777004, 777005], "simular": "sim"}).json
    assert listed["simulacao"]["ignorados"]["fatura_zerada"] == 1, listed
    house.behave(mode="throttle")
    answer = client.send({"id_fatura": 777005})
    house.until(lambda: _reason(client, answer) == "plataforma_pediu_para_esperar")
    house.fetch("UPDATE invoices SET amount = 0 WHERE id = 777005")
    house.until_state(client, answer, "dispensada")
    assert _reason(client, answer) == "fatura_zerada"


def test_no_phone_text_or_secret_is_in_any_log(house, client):
    client.send(SEED, headers=JSON)
    client.send({"id_fatura": 11000, "telefone_adicional": ["1198888"]})
    for role in house.stage.roles.values():
        text = role.log.read_text(errors="replace")
        # Numbers of dispatches and workers are hexadecimal, and now and then hold nothing but digits.
        readable = re.sub(
            r'"[a-z_]*(id|timestamp)": ?"[^"]*"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', "", text
        )
        assert not re.search(r"\d{10,}", readable), role.name
        for secret in ("MACIEL", "faturas.example", client.token, "ensaio"):
            assert secret not in text, (role.name, secret)


def test_the_document_names_the_route_and_its_answers(house):
    document = json.loads(house.anonymous.get("/openapi.json").raw)
    answers = document["paths"][SEND]["post"]["responses"]
    assert {"200", "401", "403", "409", "413", "415", "422", "429", "500", "503"} <= set(answers)
    assert all(list(answers[code]["headers"]) == ["Retry-After"] for code in ("409", "429", "503"))
    assert "Idempotent-Replayed" in answers["200"]["headers"]


def test_what_the_documents_page_loads_from_elsewhere_cannot_change(house):
    """It shares the panel's address: a script of somebody else's would act for whoever is signed in."""
    page = house.anonymous.get("/docs")
    assert page.status == 200
    loaded = re.findall(r"<(?:script|link)[^>]*https?://[^>]*>", page.raw.decode())
    assert len(loaded) == 2
    for tag in loaded:
        assert re.search(r"@\d+\.\d+\.\d+/", tag), tag
        assert re.search(r'integrity="sha384-[\w+/]{64}" crossorigin="anonymous"', tag), tag
