"""Platforms' calls through the public door: who is let in, what is kept, what they hear."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import time

import pytest
from tests.support.client import OPT_OUT
from tests.support.house import house as run_house

URL = "http://127.0.0.1:1/"
PLATFORMS = {
    "zenvia": {
        "type": "zenvia",
        "secrets": {"token": "t"},
        "values": {"remetente": "r"},
        "webhook_secret": ["novo", "velho"],
    },
    "twilio": {
        "type": "twilio",
        "url": URL,
        "secrets": {"sid": "AC1", "token": "12345"},
        "values": {"remetente": "MG1"},
        "webhook_secret": "s",
    },
    "jasmin": {
        "type": "jasmin",
        "url": URL,
        "secrets": {"usuario": "u", "senha": "s"},
        "values": {"remetente": "1"},
        "webhook_secret": "s",
    },
    "smsdev": {
        "type": "smsdev",
        "secrets": {"chave": "chave-da-conta"},
        "webhook_secret": "s",
        "sources": ["45.233.20.0/24"],
    },
}
PLATFORMS["antiga"] = {
    "type": "generic_http",
    "url": URL,
    "query": {"para": "{telefone}", "texto": "{texto}"},
    "inbound": {"sender": "de", "text": "texto"},
    "webhook_secret": "s",
}
RECEIPT = {"key": "chave-da-conta", "id": "1", "refer": "r", "situacao": "RECEBIDA"}


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    overrides = {
        "DISPARO_PLATFORMS": json.dumps(PLATFORMS),
        "DISPARO_TRUSTED_PROXIES": '["127.0.0.1"]',
        "DISPARO_PUBLIC_URL": "https://sms.example",
    }
    folder = tmp_path_factory.mktemp("webhooks")
    with run_house(new_database(), folder, workers_count=0, overrides=overrides) as house:
        yield house


@pytest.mark.parametrize(
    ("query", "form", "phone"),
    [
        ("?de=5511911110001&texto=S%C1IR", None, "5511911110001"),  # Windows-1252, as older programs write
        ("", "de=5511911110002&texto=S%C1IR", "5511911110002"),
        ("?de=5511911110003&texto=S%C3%81IR", None, "5511911110003"),
    ],
)
def test_who_answers_with_a_stop_word_gets_no_more_however_it_is_written(house, query, form, phone):
    address = f"/webhook/antiga/s{query}"
    call = {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    answer = house.anonymous.get(address) if form is None else house.anonymous.post(address, form, **call)
    assert answer.status == 200
    assert house.value("SELECT count(*) FROM opt_outs WHERE e164 = $1", f"+{phone}") == 1
    assert house.value("SELECT text FROM inbound_texts WHERE e164 = $1", f"+{phone}") == "SÁIR"


def test_an_address_with_thousands_of_fields_is_refused(house):
    answer = house.anonymous.get("/webhook/antiga/s?" + "a&" * 3000)
    assert (answer.status, answer.json["msg"]) == (400, "Confirmação de entrega não reconhecida")


def same(answer, other):
    hidden = {"date", "x-request-id", "content-length"}
    headers = [{k: v for k, v in each.headers.items() if k not in hidden} for each in (answer, other)]
    return (answer.status, answer.raw, headers[0]) == (other.status, other.raw, headers[1])


@pytest.mark.parametrize("path", ["/webhook/zenvia/errado", "/webhook/nenhuma/novo", "/webhook/zenvia/%00"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_who_does_not_know_the_secret_finds_no_such_address(house, method, path):
    door = house.anonymous
    assert same(door.call(method, path), door.call(method, "/nao/existe"))


def test_old_and_new_secret_open_while_one_replaces_the_other(house):
    for secret in ("novo", "velho"):
        assert house.anonymous.call("HEAD", f"/webhook/zenvia/{secret}").status == 200
        assert house.anonymous.get(f"/webhook/zenvia/{secret}").status == 200


def test_only_its_own_networks_behind_a_trusted_proxy(house):
    def told(caller):
        headers = {"X-Forwarded-For": caller} if caller else {}
        return house.anonymous.post("/webhook/smsdev/s", RECEIPT, headers=headers).status

    assert [told(None), told("8.8.8.8"), told("45.233.20.9, 8.8.8.8"), told("45.233.20.9")] == [
        404,
        404,
        404,
        200,
    ]


def test_what_a_platform_is_let_in_by_is_not_kept_with_its_receipts(house):
    """SMSDev sends the key along by which SMS are sent at the account's cost."""
    said = {**RECEIPT, "id": "of-the-key"}
    caller = {"X-Forwarded-For": "45.233.20.9"}
    assert house.anonymous.post("/webhook/smsdev/s?key=chave-da-conta", said, headers=caller).status == 200
    raw = house.value("SELECT raw FROM receipts WHERE platform_id = 'of-the-key'")
    assert "chave-da-conta" not in raw
    assert '"key": "***"' in raw


def test_a_wrong_signature_looks_like_a_wrong_address(house):
    form = "MessageSid=SM1&MessageStatus=delivered"
    signed = "https://sms.example/webhook/twilio/s?ref=r" + "MessageSidSM1MessageStatusdelivered"
    good = base64.b64encode(hmac.new(b"12345", signed.encode(), hashlib.sha1).digest()).decode()

    def told(signature, path="/webhook/twilio/s?ref=r"):
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return house.anonymous.post(path, form, headers=headers)

    answer = told(good)
    assert (answer.status, answer.raw) == (200, b"<Response></Response>")
    assert answer.headers["content-type"].startswith("application/xml")
    missing = house.anonymous.post("/nao/existe")
    assert same(told("AAAA"), missing)
    assert same(told(good, "/webhook/twilio/s?ref=x"), missing)


def test_a_compressed_call_is_not_taken_for_one_that_tells_nothing(house):
    answer = house.anonymous.call(
        "POST",
        "/webhook/zenvia/novo",
        b"\x1f\x8b",
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )
    assert (answer.status, answer.json["msg"]) == (415, "Envie o corpo da requisição sem compressão")


def test_a_call_that_tells_of_no_message_leaves_a_trace(house):
    answer = house.anonymous.post("/webhook/zenvia/novo", {"type": "MESSAGE_STATUS", "msg": {"id": "1"}})
    assert (answer.status, answer.raw) == (200, b"OK")
    house.until(lambda: '"event":"webhook_told_nothing"' in house.stage.roles["server"].log.read_text())


@pytest.mark.parametrize("path", ["/webhook/smsdev/s/", "//webhook/smsdev/s", "/webhook//smsdev/s//"])
def test_an_address_with_a_slash_too_many_takes_receipts(house, path):
    # Some platforms' sites end every address with one; some people end `public_url` so when they copy it.
    caller = {"X-Forwarded-For": "45.233.20.9"}
    said = {**RECEIPT, "id": f"slash{path}"}
    assert house.anonymous.post(path, said, headers=caller).status == 200
    assert house.value("SELECT count(*) FROM receipts WHERE platform_id = $1", said["id"]) == 1
    assert house.anonymous.post("/webhook/smsdev/errado/", RECEIPT, headers=caller).status == 404


def test_a_signature_holds_for_the_address_as_the_platform_was_given_it(house):
    signed = "https://sms.example/webhook/twilio/s/?ref=r" + "MessageSidSM1MessageStatusdelivered"
    good = base64.b64encode(hmac.new(b"12345", signed.encode(), hashlib.sha1).digest()).decode()
    headers = {"X-Twilio-Signature": good, "Content-Type": "application/x-www-form-urlencoded"}
    form = "MessageSid=SM1&MessageStatus=delivered"
    assert house.anonymous.post("/webhook/twilio/s/?ref=r", form, headers=headers).status == 200


def test_a_platform_that_tries_the_address_with_an_empty_call_finds_it(house):
    # Their sites refuse an address that does not answer 200 to what they try it with.
    for method in ("GET", "HEAD", "POST"):
        assert house.anonymous.call(method, "/webhook/zenvia/novo", b"").status == 200, method
        assert house.anonymous.call(method, "/webhook/zenvia/errado", b"").status == 404, method


def test_jasmin_hears_what_it_waits_for(house):
    answer = house.anonymous.post("/webhook/jasmin/s", "id=1&level=1&message_status=ESME_ROK&connector=c")
    assert (answer.status, answer.raw) == (200, b"ACK/Jasmin")
    named = 'route="/webhook/{platform}/{secret}"'
    deadline = time.monotonic() + 20  # the figures of all processes meet every few seconds
    figures = ""
    while named not in figures and time.monotonic() < deadline:
        figures = house.anonymous.get("/metrics").raw.decode()
        time.sleep(0.5)  # between two looks
    assert named in figures
    assert 'disparo_receipts_total{failure="",kind="sent",platform="jasmin"} 1.0' in figures
    assert "/webhook/jasmin/s" not in figures


def test_a_customer_who_answers_sair_gets_no_more(house):
    event = {
        "id": "e1",
        "type": "MESSAGE",
        "channel": "sms",
        "direction": "IN",
        "message": {
            "id": "m1",
            "from": "5511977776666",
            "contents": [{"type": "text", "text": " sair. "}],
        },
    }
    assert house.anonymous.post("/webhook/zenvia/novo", event).status == 200
    assert house.anonymous.post("/webhook/zenvia/novo", event).status == 200
    listed = house.client().get(OPT_OUT).json
    assert "11977776666" in json.dumps(listed)
    log = house.stage.roles["server"].log.read_text()
    assert "977776666" not in log
    assert "sair" not in log


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"[[[[",
        b'{"type": "MESSAGE", "message": []}',
        b'{"message": {"id": "a\\u0000b\\ud800", "externalId": 1e400}, "messageStatus": {"code": ["x"]}}',
        json.dumps({"message": {"id": "x" * 60_000}, "messageStatus": {"code": "SENT"}}).encode(),
        json.dumps({"type": "MESSAGE", "message": {"id": "1", "from": "9" * 9000, "contents": [{"text": "\0"}]}}).encode(),
    ],
)  # fmt: skip
def test_no_call_is_a_fault_of_ours(house, body):
    assert house.anonymous.post("/webhook/zenvia/novo", body).status in (200, 400)


def test_killed_after_each_acknowledgement_every_acknowledged_receipt_is_applied(new_database, tmp_path):
    with run_house(new_database(), tmp_path, workers_count=1) as house:
        client = house.client()
        house.behave(receipts=[])
        answer = client.send({"id_fatura": 11000, "telefone_adicional": ["11988887777"]})
        house.until_state(client, answer, "entregue_a_plataforma")
        server = house.stage.roles["server"]
        messages = house.simulator.get("/v1/messages").json["messages"]
        assert len(messages) == 2
        for message in messages:
            body = {"id": message["id"], "reference": message["reference"], "status": "delivered"}
            assert house.anonymous.post("/webhook/simulador/ensaio", body).status == 200
            server.signal(signal.SIGKILL)
            server.reap()
            server.start()
            house.until(lambda: up(house))
        house.until_state(client, answer, "entregue")


def up(house):
    try:
        return house.anonymous.get("/saude").status == 200
    except OSError:
        return False
