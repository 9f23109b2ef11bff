"""One hand-over is one write on the wire, and every answer is one of the outcomes (delivery.md §3)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from contextlib import suppress
from decimal import Decimal

import pytest
from tests.contract.conftest import http

from disparo.domain.outcome import FailureClass, OutcomeKind, ReceiptKind
from disparo.errors import SettingsInvalid
from disparo.platforms.base import Outgoing, WebhookRejected, WebhookRequest, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.generic_questions import read_amount
from disparo.platforms.http import is_forbidden
from disparo.platforms.registry import build_platforms, read_table

pytestmark = pytest.mark.anyio


def message(text="Ola", e164="+5511988887777", reference="ref-1", deadline_s=None):
    deadline_s = boottime_s() + 30 if deadline_s is None else deadline_s
    return Outgoing(reference=reference, e164=e164, text=text, deadline_s=deadline_s)


def table(peer, **changes):
    base = {
        "type": "generic_http",
        "url": peer.url,
        "json": {"to": "{telefone}", "text": "{texto}", "ref": "{referencia}"},
        "id_path": "id",
        "code_path": "error.code",
        "timeout_s": 1.5,
    }
    return {**base, **changes}


async def send(peer, *, times=1, outgoing=None, **changes):
    platform = GenericHttp("p", read_table("p", table(peer, **changes)))
    try:
        for _ in range(times):
            (outcome,) = await platform.send([outgoing or message()])
        return outcome
    finally:
        await platform.close()


async def take_and_drop(_peer, writer):
    writer.close()


async def test_accepted_with_the_platforms_id(peer):
    outcome = await send(peer)
    assert (outcome.kind, outcome.platform_id) == (OutcomeKind.ACCEPTED, "p-1")
    body = json.loads(peer.requests[0].partition(b"\r\n\r\n")[2])
    assert body == {"to": "5511988887777", "text": "Ola", "ref": "ref-1"}


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
@pytest.mark.parametrize("warm", [False, True])
async def test_taken_and_dropped_is_ambiguous_and_written_once(peer, method, warm):
    changes = {"method": method}
    if method == "GET":
        changes |= {"json": None, "query": {"to": "{telefone}"}}
    platform = GenericHttp("p", read_table("p", table(peer, **changes)))
    if warm:  # a connection that has been used is where clients repeat by themselves
        await platform.send([message()])
    before = len(peer.requests)
    peer.answer = take_and_drop
    (outcome,) = await platform.send([message()])
    await asyncio.sleep(0.1)
    await platform.close()
    assert outcome.kind is OutcomeKind.AMBIGUOUS
    assert len(peer.requests) - before == 1


@pytest.mark.parametrize(
    ("status", "kind", "failure"),
    [
        (400, OutcomeKind.REFUSED, FailureClass.UNKNOWN),
        (401, OutcomeKind.NOT_TAKEN, FailureClass.AUTH),
        (402, OutcomeKind.NOT_TAKEN, FailureClass.CREDIT),
        (404, OutcomeKind.NOT_TAKEN, FailureClass.AUTH),
        (422, OutcomeKind.REFUSED, FailureClass.UNKNOWN),
        (429, OutcomeKind.NOT_TAKEN, FailureClass.THROTTLE),
        (500, OutcomeKind.AMBIGUOUS, FailureClass.UNKNOWN),
        (503, OutcomeKind.AMBIGUOUS, FailureClass.UNKNOWN),
        (302, OutcomeKind.AMBIGUOUS, FailureClass.UNKNOWN),
        (307, OutcomeKind.AMBIGUOUS, FailureClass.UNKNOWN),
    ],
)
async def test_status_codes_where_the_settings_say_nothing(peer, status, kind, failure):
    peer.answer = http(status, "{}", f"Location: {peer.url}\r\nRetry-After: 7\r\n")
    outcome = await send(peer)
    assert (outcome.kind, outcome.failure, outcome.code) == (kind, failure, f"http_{status}")
    assert outcome.retry_after_s == 7
    assert len(peer.requests) == 1  # a redirect is never followed


async def test_error_rules_come_before_the_success_rule(peer):
    peer.answer = http(200, '{"error": {"code": 13}}')
    rule = {"path": "error.code", "equals": "13", "outcome": "refused", "failure": "number"}
    outcome = await send(peer, errors=[rule])
    assert (outcome.kind, outcome.failure, outcome.code) == (OutcomeKind.REFUSED, FailureClass.NUMBER, "13")


async def test_success_may_be_a_word_in_plain_text_and_the_id_a_group(peer):
    peer.answer = http(200, "OK: 777")
    outcome = await send(peer, success={"regex": "^OK"}, id_path=None, id_regex=r"OK: (\d+)")
    assert (outcome.kind, outcome.platform_id) == (OutcomeKind.ACCEPTED, "777")
    peer.answer = http(200, "ERR")
    assert (await send(peer, success={"regex": "^OK"})).kind is OutcomeKind.AMBIGUOUS


async def test_connection_refused_is_surely_not_taken(peer):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    outcome = await send(peer, url=url)
    assert (outcome.kind, outcome.failure) == (OutcomeKind.NOT_TAKEN, FailureClass.NETWORK)


async def test_tls_that_fails_before_the_request_is_surely_not_taken(peer):
    outcome = await send(peer, url=peer.url.replace("http:", "https:"))
    assert outcome.kind is OutcomeKind.NOT_TAKEN
    assert peer.requests == []


async def test_an_unknown_host_is_surely_not_taken(peer):
    assert (await send(peer, url="http://no-such-host.invalid/")).kind is OutcomeKind.NOT_TAKEN


async def test_no_answer_in_time_is_ambiguous(peer):
    async def hang(_peer, _writer):
        await asyncio.sleep(30)

    peer.answer = hang
    outcome = await send(peer, timeout_s=0.3)
    assert outcome.kind is OutcomeKind.AMBIGUOUS
    assert len(peer.requests) == 1


async def test_an_answer_that_breaks_off_is_ambiguous(peer):
    async def cut(_peer, writer):
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": "p')
        await writer.drain()
        writer.close()

    peer.answer = cut
    assert (await send(peer)).kind is OutcomeKind.AMBIGUOUS


@pytest.mark.parametrize(
    "junk", [b"\0\1\2\3\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000, b"SSH-2.0\r\n"]
)
async def test_garbage_is_ambiguous(peer, junk):
    async def garbage(_peer, writer):
        writer.write(junk)
        await writer.drain()
        writer.close()

    peer.answer = garbage
    outcome = await send(peer, success={"status": [200], "path": "id"})
    assert outcome.kind is OutcomeKind.AMBIGUOUS


async def test_an_endless_answer_is_cut_off(peer):
    async def endless(_peer, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    peer.answer = endless
    outcome = await send(peer)
    assert (outcome.kind, outcome.code) == (OutcomeKind.AMBIGUOUS, "ValueError")


async def test_past_the_deadline_nothing_is_written(peer):
    outcome = await send(peer, outgoing=message(deadline_s=boottime_s() - 0.001))
    assert outcome.kind is OutcomeKind.NOT_STARTED
    assert peer.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "100.100.100.200",
    ],
)
def test_metadata_and_link_local_addresses_are_forbidden(address):
    assert is_forbidden(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "8.8.8.8", "::1"])
def test_the_lan_is_allowed(address):
    assert not is_forbidden(address)


async def test_a_forbidden_address_is_never_connected_to(peer):
    outcome = await send(peer, url="http://169.254.169.254/latest/meta-data")
    assert (outcome.kind, outcome.failure) == (OutcomeKind.NOT_TAKEN, FailureClass.NETWORK)


async def test_values_are_encoded_for_their_place(peer):
    nasty = 'a&b=c "x"\r\nX-Evil: 1 {segredo:k} á'
    await send(
        peer,
        outgoing=message(text=nasty),
        json=None,
        form={"t": "{texto}"},
        query={"q": "{texto}"},
        headers={"X-Ref": "{texto}"},
        secrets={"k": "s3cret"},
    )
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert body == b"t=a%26b%3Dc+%22x%22%0D%0AX-Evil%3A+1+%7Bsegredo%3Ak%7D+%C3%A1"
    assert b"q=a%26b%3Dc" in head
    assert b"\r\nX-Evil" not in head
    assert b"s3cret" not in peer.requests[0]


async def test_secrets_fill_headers_and_are_masked_when_shown(peer):
    changes = {"headers": {"Authorization": "Bearer {segredo:k}"}, "secrets": {"k": "s3cret"}}
    peer.answer = http(200, '{"id": "p-1", "echo": "s3cret"}')
    platform = GenericHttp("p", read_table("p", table(peer, **changes)))
    outcome, exchange = await platform.exchange(message())
    await platform.close()
    assert b"Authorization: Bearer s3cret" in peer.requests[0]
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert "s3cret" not in exchange.request + exchange.response
    assert "Bearer ***" in exchange.request


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"url": "http://{telefone}.example/"}, "endereço"),
        ({"url": "ftp://x.example/"}, "http"),
        ({"url": "http://user:pass@x.example/"}, "senha"),
        ({"headers": {"X": "a\r\nEvil: 1"}}, "cabeçalho"),
        ({"headers": {"X Y": "a"}}, "cabeçalho"),
        ({"headers": {"X": "{segredo:nope}"}}, "nope"),
        ({"form": {"a": "b"}}, "json ou form"),
        ({"method": "DELETE"}, "method"),
        ({"success": {"regex": "("}}, "regular"),
        ({"unknown_key": 1}, "unknown_key"),
        ({"secrets": {"k": "env:NO_SUCH_VARIABLE_HERE"}}, "NO_SUCH_VARIABLE_HERE"),
        ({"webhook_secret": ["a", "b", "c"]}, "dois durante a troca"),
        ({"webhook_secret": "env:NO_SUCH_VARIABLE_HERE"}, "NO_SUCH_VARIABLE_HERE"),
        ({"sources": ["10.0.0.0/99"]}, "nem uma rede: 10.0.0.0/99"),
        ({"codes": {"1": "wat"}}, "codes"),
        ({"balance": {"url": "//elsewhere.example/"}}, "outro servidor"),
        ({"balance": {"url": "http://u:p@x.example/"}}, "senha"),
        ({"poll": {"path": "/{segredo:nope}", "answer": {"status": "s", "statuses": {}}}}, "nope"),
        ({"inbound": {"text": "t"}}, "sender"),
        ({"receipts": {"status": "s", "statuses": {}, "hmac_key": "k"}}, "hmac_header"),
        ({"type": "pigeon"}, "pigeon"),
        ({"type": "simulator", "url": "http://10.0.0.1:1"}, "127.0.0.1"),
    ],
)
async def test_wrong_settings_are_named(peer, changes, says):
    with pytest.raises(SettingsInvalid) as caught:
        read_table("p", table(peer, **changes))
    assert says in str(caught.value)


def build(peer, **options):
    defaults = {"real_sending": False, "test_numbers": frozenset(), "public_url": None}
    return build_platforms({"p": table(peer)}, **{**defaults, **options})["p"]


async def test_the_guard_lets_nothing_out_before_it_is_told_to(peer):
    platform = build(peer)
    (outcome,) = await platform.send([message()])
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "guard")
    assert peer.requests == []
    await platform.close()


async def test_the_guard_lets_test_numbers_through(peer):
    platform = build(peer, test_numbers=frozenset({"+5511988887777"}))
    outcomes = [*await platform.send([message()]), *await platform.send([message(e164="+5511988887778")])]
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED, OutcomeKind.REFUSED]
    assert len(peer.requests) == 1
    await platform.close()


async def test_with_real_sending_there_is_no_guard(peer):
    platform = build(peer, real_sending=True)
    (outcome,) = await platform.send([message()])
    assert outcome.kind is OutcomeKind.ACCEPTED
    await platform.close()


# Receipts

RULES = {
    "id": "message.id",
    "reference": "message.ref",
    "status": "status",
    "code": "reason",
    "statuses": {"DELIVRD": "delivered", "UNDELIV": "undelivered", "ENROUTE": "sent"},
    "failures": {"404": "number"},
}


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


async def test_a_receipt_in_a_query_or_a_form(peer):
    plain = {"id": "id", "reference": None, "status": "st"}
    for event in (
        receipts(peer, b"", method="GET", query={"id": "5", "st": "ENROUTE"}, **plain)[0],
        receipts(peer, b"id=5&st=ENROUTE", **plain)[0],
    ):
        assert (event.kind, event.platform_id) == (ReceiptKind.SENT, "5")


async def test_an_unknown_status_is_kept_and_moves_nothing(peer):
    (event,) = receipts(peer, {"message": {"id": "1"}, "status": "WAT"})
    assert event.kind is ReceiptKind.OTHER


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


async def test_a_signature_is_checked(peer):
    raw = json.dumps({"message": {"id": "1"}, "status": "DELIVRD"}).encode()
    rules = {"hmac_header": "X-Sig", "hmac_key": "key"}
    good = hmac.new(b"key", raw, hashlib.sha256).hexdigest()
    assert receipts(peer, raw, headers={"x-sig": good}, **rules)
    with pytest.raises(WebhookRejected):
        receipts(peer, raw + b" ", headers={"x-sig": good}, **rules)


# Asking


ASK = {
    "url": "",
    "query": {"ref": "{referencia}"},
    "answer": {"id": "id", "reference": "ref", "status": "st", "statuses": {"OK": "delivered"}},
}


async def ask(peer, **rules):
    table_of = table(peer, ask={**ASK, "url": peer.url, **rules})
    platform = GenericHttp("p", read_table("p", table_of))
    try:
        return await platform.ask("r 1&x")
    finally:
        await platform.close()


async def test_asking_names_the_message_by_our_reference(peer):
    peer.answer = http(200, '{"id": "p-1", "ref": "r 1&x", "st": "OK"}')
    answer = await ask(peer)
    assert (answer.event.kind, answer.event.reference) == (ReceiptKind.DELIVERED, "r 1&x")
    assert peer.requests[0].startswith(b"GET /sms?ref=r+1%26x ")


@pytest.mark.parametrize(
    "answer",
    [http(404, "{}"), http(500, '{"id": "1", "st": "OK"}'), http(200, "{}"), http(200, "x"), take_and_drop,
     http(200, '{"id": "1", "ref": "another", "st": "OK"}')],
)  # fmt: skip
async def test_not_known_is_never_an_answer(peer, answer):
    peer.answer = answer
    assert await ask(peer) is None


async def test_a_question_may_be_a_json_post_beside_the_platforms_address(peer):
    peer.answer = http(200, '{"all": [{"id": "x", "st": "OK"}, {"id": "p-1", "st": "OK"}]}')
    rules = {"method": "POST", "url": "find", "query": {}, "json": {"ids": ["{id}"], "from": "{desde}"}}
    answer = {"id": "id", "items": "all", "status": "st", "statuses": {"OK": "delivered"}}
    table_of = table(peer, ask={**rules, "answer": answer})
    platform = GenericHttp("p", read_table("p", table_of))
    found = await platform.ask("ref-1", "p-1")
    assert await platform.ask("ref-1") is None  # it cannot be asked without the platform's id
    await platform.close()
    assert (found.event.platform_id, found.event.reference) == ("p-1", "ref-1")
    (request,) = peer.requests
    assert request.startswith(b"POST /find ")
    assert json.loads(request.partition(b"\r\n\r\n")[2])["ids"] == ["p-1"]


async def test_what_stands_in_a_path_stays_in_its_place(peer):
    peer.answer = http(404, "{}")
    answer = {"id": "id", "status": "st", "statuses": {"OK": "delivered"}}
    table_of = table(peer, ask={"path": "/{id}.json", "answer": answer})
    platform = GenericHttp("p", read_table("p", table_of))
    await platform.ask("ref-1", "../../x?a=b#c")
    await platform.close()
    assert peer.requests[0].startswith(b"GET /sms/..%2F..%2Fx%3Fa=b%23c.json ")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1200", "1200"), ("50,35", "50.35"), ("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("R$ 9.90", "9.90"),
     ("-3.5", "-3.5"), ("0", "0"), ("ND", None), ("", None), ("1200.", "1200")],
)  # fmt: skip
def test_amounts_as_platforms_write_them(text, amount):
    found = read_amount(text)
    assert found == (None if amount is None else Decimal(amount))


async def test_codes_that_nobody_knows_are_counted_and_nothing_personal_is_told(peer, capsys):
    platform = GenericHttp("p", read_table("p", table(peer, receipts=RULES)))
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
