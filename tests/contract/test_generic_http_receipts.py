"""Receipts as platforms write them: read by rules, checked, and nothing personal told of what is unknown."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from contextlib import suppress

import pytest
from tests.contract.conftest import http
from tests.contract.generic import message, send, table

from disparo.domain.outcome import FailureClass, OutcomeKind, ReceiptKind
from disparo.platforms.base import WebhookForged, WebhookRejected, WebhookRequest
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

RULES = {
    "id": "message.id",
    "reference": "message.ref",
    "status": "status",
    "code": "reason",
    "statuses": {"DELIVRD": "delivered", "UNDELIV": "undelivered", "ENROUTE": "sent"},
    "failures": {"404": "number"},
}

MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\n5\r\n'
    b'--x\r\nContent-Disposition: form-data; name="st"\r\n\r\nENROUTE\r\n--x--\r\n'
)


def receipts(peer, body, *, headers=None, query=None, method="POST", **rules):
    platform = GenericHttp("p", read_table("p", table(peer, receipts={**RULES, **rules})))
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return platform.parse_webhook(WebhookRequest(method, headers or {}, query or {}, raw)).receipts


async def test_a_receipt_in_json(peer):
    body = {"message": {"id": 77, "ref": "ref-1"}, "status": "UNDELIV", "reason": 404}
    (event,) = receipts(peer, body)
    assert (event.kind, event.platform_id, event.reference) == (ReceiptKind.UNDELIVERED, "77", "ref-1")
    assert (event.code, event.failure) == ("404", FailureClass.NUMBER)


async def test_receipts_in_a_list_those_without_a_name_left_out(peer):
    body = {"items": [{"message": {"id": "1"}, "status": "DELIVRD"}, {"status": "DELIVRD"}]}
    (event,) = receipts(peer, body, items="items")
    assert (event.kind, event.platform_id) == (ReceiptKind.DELIVERED, "1")


async def test_a_call_may_be_the_list_itself(peer):
    body = [{"message": {"id": "1"}, "status": "DELIVRD"}, {"message": {"id": "2"}, "status": "UNDELIV"}]
    assert [event.platform_id for event in receipts(peer, body, items="[]")] == ["1", "2"]


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ({"st": "DELIVRD"}, {"ref": "ref-1"}),
        ({"st": "DELIVRD", "ref": "ref-1"}, {"ref": "ref-2"}),  # what the body says counts
        ({}, {"ref": "ref-1", "st": "DELIVRD"}),
    ],
)
async def test_a_receipt_in_json_whose_message_is_named_by_its_address(peer, body, query):
    (event,) = receipts(peer, body, query=query, id=None, reference="ref", status="st")
    assert (event.kind, event.reference) == (ReceiptKind.DELIVERED, "ref-1")


async def test_a_receipt_in_a_query_or_a_form(peer):
    plain = {"id": "id", "reference": None, "status": "st"}
    for event in (
        receipts(peer, b"", method="GET", query={"id": "5", "st": "ENROUTE"}, **plain)[0],
        receipts(peer, b"id=5&st=ENROUTE", **plain)[0],
        receipts(peer, MULTIPART, headers={"content-type": "Multipart/Form-Data; boundary=x"}, **plain)[0],
    ):
        assert (event.kind, event.platform_id) == (ReceiptKind.SENT, "5")


@pytest.mark.parametrize("alphabet", ["utf-8-sig", "cp1252"])
async def test_a_receipt_is_read_in_another_alphabet_too(peer, alphabet):
    body = '{"message": {"id": 1}, "status": "DELIVRD", "operadora": "Operação"}'.encode(alphabet)
    (event,) = receipts(peer, body, carrier="operadora")
    assert (event.kind, event.carrier) == (ReceiptKind.DELIVERED, "Operação")


async def test_an_unknown_status_is_kept_and_moves_nothing(peer):
    (event,) = receipts(peer, {"message": {"id": "1"}, "status": "WAT"})
    assert event.kind is ReceiptKind.OTHER


async def test_words_mean_the_same_in_other_letters_unless_the_table_has_both(peer):
    alike, told_apart = {"Entregue": "delivered", "ERRO": "undelivered"}, {"d": "sent", "D": "delivered"}
    for statuses, said, kind in (
        (alike, "ENTREGUE", ReceiptKind.DELIVERED),
        (alike, "entregue", ReceiptKind.DELIVERED),
        (alike, "entregues", ReceiptKind.OTHER),
        (told_apart, "d", ReceiptKind.SENT),
        (told_apart, "D", ReceiptKind.DELIVERED),
    ):
        (event,) = receipts(peer, {"message": {"id": "1"}, "status": said}, statuses=statuses)
        assert event.kind is kind, said
    said = {"message": {"id": "1"}, "status": "erro", "reason": "absent"}
    (event,) = receipts(peer, said, statuses=alike, failures={"ABSENT": "number"})
    assert event.failure is FailureClass.NUMBER
    assert (await refused(peer, "no_credit", codes={"NO_CREDIT": "credit"})).failure is FailureClass.CREDIT


async def refused(peer, code, **changes):
    peer.answer = http(400, json.dumps({"error": {"code": code}}))
    return await send(peer, **changes)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000])
async def test_what_is_no_receipt_is_rejected_or_empty(peer, body):
    with suppress(WebhookRejected):
        assert receipts(peer, body) == []


async def test_a_token_in_a_header_is_checked(peer):
    body, rules = {"message": {"id": "1"}, "status": "DELIVRD"}, {"header": "X-Token", "token": "tok"}
    assert receipts(peer, body, headers={"x-token": "tok"}, **rules)
    with pytest.raises(WebhookRejected):
        receipts(peer, body, headers={"x-token": "no"}, **rules)
    with pytest.raises(WebhookRejected):
        receipts(peer, body, **rules)


async def test_a_token_in_a_field_or_in_the_header_is_checked_of_each_receipt(peer):
    def item(number, **token):
        return {"message": {"id": number}, "status": "DELIVRD", **token}

    rules = {"items": "all", "header": "X-Token", "token_path": "key", "token": "tok"}
    assert len(receipts(peer, {"all": [item("1", key="tok"), item("2", key="tok")]}, **rules)) == 2
    assert receipts(peer, {"all": [item("1")]}, headers={"x-token": "tok"}, **rules)
    for forged in ([item("1")], [item("1", key="no")], [item("1", key="tok"), item("2", key="no")]):
        with pytest.raises(WebhookForged):
            receipts(peer, {"all": forged}, **rules)


@pytest.mark.parametrize(("ahead_s", "is_now"), [(-290, True), (290, True), (-310, False), (310, False)])
async def test_a_signed_call_of_another_time_is_a_replay(peer, ahead_s, is_now):
    raw, stamp = (
        json.dumps({"message": {"id": "1"}, "status": "DELIVRD"}).encode(),
        str(int(time.time()) + ahead_s),
    )
    rules = {"hmac_header": "X-Sig", "hmac_timestamp_header": "X-At", "hmac_key": "key"}
    headers = {"x-sig": hmac.new(b"key", raw + stamp.encode(), hashlib.sha256).hexdigest(), "x-at": stamp}
    if is_now:
        assert receipts(peer, raw, headers=headers, **rules)
    else:
        with pytest.raises(WebhookForged):
            receipts(peer, raw, headers=headers, **rules)


async def test_a_signature_is_checked(peer):
    raw = json.dumps({"message": {"id": "1"}, "status": "DELIVRD"}).encode()
    rules = {"hmac_header": "X-Sig", "hmac_key": "key"}
    good = hmac.new(b"key", raw, hashlib.sha256).hexdigest()
    assert receipts(peer, raw, headers={"x-sig": good}, **rules)
    with pytest.raises(WebhookRejected):
        receipts(peer, raw + b" ", headers={"x-sig": good}, **rules)


async def test_codes_that_nobody_knows_are_counted_and_nothing_personal_is_told(peer, capsys):
    rules = table(peer, receipts=RULES, success={"status": [200]})
    platform = GenericHttp("p", read_table("p", rules))
    peer.answer = http(200, '{"error": {"code": "E77"}}')
    outcomes = await platform.send([message()]), await platform.send([message()])
    for reason in ("5511988887777 sem saldo", "119888877771", "E1"):
        body = {"message": {"id": "1"}, "status": "UNDELIV", "reason": reason}
        (event,) = platform.parse_webhook(WebhookRequest("POST", {}, {}, json.dumps(body).encode())).receipts
        assert event.failure is FailureClass.UNKNOWN
    await platform.close()
    assert [outcome.kind for (outcome,) in outcomes] == [OutcomeKind.ACCEPTED] * 2
    assert dict(platform.unknown_codes) == {"receipt": 3}
    assert "88887777" not in capsys.readouterr().out


async def test_a_name_without_end_is_cut_alike_in_answer_and_receipt(peer):
    endless = "x" * 60_000
    peer.answer = http(200, json.dumps({"id": endless}))
    outcome = await send(peer)
    (event,) = receipts(peer, {"message": {"id": endless}, "status": "DELIVRD"})
    assert outcome.platform_id == event.platform_id == "x" * 200
