"""One hand-over is one write on the wire, and every answer is one of the outcomes (docs/delivery.md §3)."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from email.utils import formatdate

import pytest
from tests.contract.conftest import http
from tests.contract.generic import message, send, table, take_and_drop
from tests.support.loops import TIMEOUT_S, put_forward

from disparo.domain.outcome import FailureClass, OutcomeKind
from disparo.platforms.base import boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.guard import Guarded
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize(
    ("more", "answer", "kind"),
    [
        ({}, '{"id": false}', OutcomeKind.AMBIGUOUS),
        ({}, '{"id": 0, "msg": "saldo insuficiente"}', OutcomeKind.AMBIGUOUS),
        ({"success": {"status": [200], "path": "id"}}, '{"id": false}', OutcomeKind.AMBIGUOUS),
        ({"success": {"path": "id", "equals": "false"}}, '{"id": false}', OutcomeKind.ACCEPTED),
        ({"errors": [{"path": "error"}]}, '{"error": false, "id": "p-1"}', OutcomeKind.ACCEPTED),
        ({"errors": [{"path": "error"}]}, '{"error": true, "id": "p-1"}', OutcomeKind.REFUSED),
    ],
)
async def test_what_is_false_is_not_there(peer, more, answer, kind):
    peer.answer = http(200, answer)
    outcome = await send(peer, **more)
    assert outcome.kind is kind
    assert outcome.platform_id == ("p-1" if "p-1" in answer and kind is OutcomeKind.ACCEPTED else None)


@pytest.mark.parametrize(
    ("says", "now", "wait_s"),
    [
        ("Fri, 27 Nov 2026 12:01:30 GMT", "Fri, 27 Nov 2026 12:00:00 GMT", 90),  # whatever our clock says
        ("Friday, 27-Nov-26 12:01:30 GMT", "Fri, 27 Nov 2026 12:00:00 GMT", 90),
        ("Fri, 27 Nov 2026 11:00:00 GMT", "Fri, 27 Nov 2026 12:00:00 GMT", 0),
        (None, None, 90),  # 90 s from now
        ("logo", None, None),
        ("Fri, 99 Nov 2026 12:01:30 GMT", "Fri, 27 Nov 2026 12:00:00 GMT", None),
    ],
)
async def test_when_to_try_again_may_be_a_moment(peer, says, now, wait_s):
    date = f"Date: {now}\r\n" if now else ""
    says = says or formatdate(time.time() + 90, usegmt=True)
    peer.answer = http(429, "{}", f"{date}Retry-After: {says}\r\n")
    outcome = await send(peer)
    assert outcome.kind is OutcomeKind.NOT_TAKEN
    assert outcome.retry_after_s == (None if wait_s is None else pytest.approx(wait_s, abs=30))


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ({}, '{"success": false, "error": {"code": 13}}'),
        ({}, "<html>Manutencao</html>"),
        ({"id_path": None, "id_regex": r"OK\|(\d+)"}, "ERRO|099"),
    ],
)
async def test_without_a_success_rule_an_answer_without_the_id_is_no_yes(peer, more, answer):
    peer.answer = http(200, answer)
    assert (await send(peer, **more)).kind is OutcomeKind.AMBIGUOUS
    assert (await send(peer, **more, success={"status": [200]})).kind is OutcomeKind.ACCEPTED


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


@pytest.mark.parametrize(("text", "coding"), [("Ola ~", "0"), ("Olá", "8")])
async def test_a_platform_can_be_told_which_alphabet_a_text_needs(peer, text, coding):
    asked = {"to": "{telefone}", "text": "{texto}", "coding": "{alfabeto:0:8}"}
    await send(peer, outgoing=message(text), json=asked)
    body = json.loads(peer.requests[0].partition(b"\r\n\r\n")[2])
    assert (body["text"], body["coding"]) == (text, coding)


@pytest.mark.parametrize("alphabet", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
async def test_an_answer_in_json_is_read_in_another_alphabet_too(peer, alphabet):
    peer.answer = http(200, '{"ok": true, "id": 77, "msg": "crédito não debitado"}'.encode(alphabet))
    outcome = await send(peer, success={"path": "ok", "equals": "true"})
    assert (outcome.kind, outcome.platform_id) == (OutcomeKind.ACCEPTED, "77")


@pytest.mark.parametrize("alphabet", ["utf-8", "utf-8-sig", "cp1252"])
async def test_an_answer_in_plain_text_is_read_in_another_alphabet_too(peer, alphabet):
    errors = [{"regex": "^ERRO.*crédito", "failure": "credit"}, {"regex": "^ERRO", "failure": "unknown"}]
    peer.answer = http(200, "ERRO - sem crédito".encode(alphabet))
    assert (await send(peer, errors=errors)).failure is FailureClass.CREDIT


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
        put_forward(TIMEOUT_S + 1)
        await asyncio.sleep(30)

    peer.answer = hang
    outcome = await send(peer)
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


async def test_a_number_may_be_a_number_and_come_in_its_parts(peer):
    item = {"to": "{inteiro:telefone}", "ddd": "{ddd}", "list": ["{inteiro:numero_sem_ddd}", True, 7]}
    await send(peer, json=item, number_format="national")
    body = json.loads(peer.requests[0].partition(b"\r\n\r\n")[2])
    assert body == {"to": 11988887777, "ddd": "11", "list": [988887777, True, 7]}
    batch = {"max": 5, "item": {"to": "{inteiro:telefone}"}}
    await send(peer, json={"list": "{itens}"}, batch=batch)
    assert peer.requests[1].endswith(b'{"list": [{"to": 5511988887777}]}')


async def test_what_toml_cannot_say_is_null(peer):
    item = {"to": "{telefone}", "at": "{nulo}", "list": ["{nulo}", {"x": "{nulo}"}]}
    for asked, batch in ((item, None), ({"m": "{itens}", "n": "{nulo}"}, {"max": 2, "item": item})):
        await send(peer, outgoing=message("{nulo}"), json=asked, batch=batch)
    one, several = (json.loads(each.partition(b"\r\n\r\n")[2]) for each in peer.requests)
    filled = {"to": "5511988887777", "at": None, "list": [None, {"x": None}]}
    assert one == filled
    assert several == {"m": [filled], "n": None}


async def test_a_text_that_reads_like_a_mark_goes_as_text(peer):
    await send(peer, outgoing=message("{nulo}"), json={"t": "{texto}"})
    assert peer.requests[0].endswith(b'{"t": "{nulo}"}')


async def test_an_older_gateway_gets_its_own_alphabet_and_nothing_that_it_lacks(peer):
    outgoing = message(text="Não “é” – à 😀Δ")
    form, query = {"t": "{texto} ç"}, {"q": "{texto}"}
    await send(peer, outgoing=outgoing, json=None, form=form, query=query, charset="iso-8859-1")
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert body == b"t=N%E3o+%22%E9%22+-+%E0+%3F+%E7"
    assert b"q=N%E3o+%22%E9%22+-+%E0+? " in head


@pytest.mark.parametrize("how", ["form", "json", "query"])
async def test_a_secret_is_masked_however_the_call_writes_it(peer, how):
    shown = {"to": "{telefone}", "senha": "{segredo:senha}"}
    fields = {"form": None, "json": None, how: shown}
    secret = 'muito "secreta" + \\ç/1'
    platform = GenericHttp("p", read_table("p", table(peer, **fields, secrets={"senha": secret})))
    _, exchange = await platform.exchange(message())
    await platform.close()
    assert "***" in exchange.request
    assert "secreta" not in exchange.request


@pytest.mark.parametrize("shown", ["?user=isp&chave=K3Y%2Bnine9&v=", "?K3Y%2Bnine9"])
async def test_a_key_in_the_address_itself_is_shown_nowhere(peer, shown):
    """No marker may stand in an address: whoever's gateway wants its key there writes it down."""
    changes = {"url": f"{peer.url}{shown}", "headers": {"Authorization": "Bearer t0ken.of-mine"}}
    peer.answer = http(200, '{"id": "p-1", "a": "K3Y+nine9", "b": "K3Y%2Bnine9"}')
    settings = read_table("p", table(peer, **changes, query={"to": "{telefone}"}))
    platform = GenericHttp("p", settings)
    _, exchange = await platform.exchange(message())
    await platform.close()
    assert f"{shown}&to=".encode() in peer.requests[0]
    for said in (settings.where, exchange.request, exchange.response):
        assert "nine9" not in said
        assert "t0ken" not in said
    hidden = "?user=***&chave=***&v=" if "=" in shown else "?***"
    assert settings.where == f"POST {peer.url}{hidden}"
    assert exchange.request.startswith(f"POST {peer.url}{hidden}&to=55119")


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
    ("changes", "told", "untold"),
    [
        (
            {"json": None, "form": {"to": "1", "d": "{retorno}?r=1"}},
            b"to=1&d=http%3A%2F%2Fa%2Fb%3Fr%3D1",
            b"d=",
        ),
        ({"json": None, "query": {"to": "1", "d": "{retorno}"}}, b"?to=1&d=http://a/b ", b"d="),
        ({"json": {"to": "1", "on": {"url": "{retorno}"}}}, b'"on": {"url": "http://a/b"}', b"url"),
        ({"json": {"all": [{"to": "1", "u": "{retorno}"}]}}, b'"u": "http://a/b"', b'"u"'),
        (
            {"json": {"m": "{itens}", "u": "{retorno}"}, "batch": {"max": 2, "item": {"u": "{retorno}"}}},
            b'{"m": [{"u": "http://a/b"}], "u": "http://a/b"}',
            b'"u"',
        ),
    ],
)
async def test_where_there_is_no_address_for_receipts_none_is_told(peer, changes, told, untold):
    """Platforms refuse an address that is none, and with it every message."""
    peer.answer = http(200, '{"id": "1"}')
    for receipt_url in ("http://a/b", None):
        platform = GenericHttp("p", read_table("p", table(peer, **changes)), receipt_url=receipt_url)
        await platform.send([message()])
        await platform.close()
    with_one, without = peer.requests
    assert told in with_one
    assert untold not in without


async def test_a_password_in_base64_is_masked_whatever_else_is(peer):
    """A short secret that happens to stand in the pair must not cut it in two."""
    peer.answer = http(200, '{"id": "1"}')
    secrets = {"u": "isp", "p": "s3cret", "short": "O"}
    platform = GenericHttp(
        "p", read_table("p", table(peer, headers={"Authorization": "Basic {basico:u:p}"}, secrets=secrets))
    )
    _, shown = await platform.exchange(message())
    await platform.close()
    pair = base64.b64encode(b"isp:s3cret").decode()
    assert "O" in pair
    assert "Authorization: Basic ***\n" in shown.request


@pytest.mark.parametrize(("ahead_s", "is_simulated"), [(3600, False), (-3600, False), (3600, True)])
async def test_its_clock_is_read_from_its_answers_but_not_our_own_simulators(peer, ahead_s, is_simulated):
    date = formatdate(time.time() + ahead_s, usegmt=True)
    peer.answer = http(200, '{"id": "p-1"}', f"Date: {date}\r\n")
    made = {"type": "simulator", "url": peer.url} if is_simulated else table(peer)
    platform = GenericHttp("p", read_table("p", made))
    assert platform.clock_ahead_s is None
    await platform.send([message()])
    guarded = Guarded(platform, test_numbers=frozenset())
    await platform.close()
    known = None if is_simulated else pytest.approx(ahead_s, abs=2)
    assert (platform.clock_ahead_s, guarded.clock_ahead_s) == (known, known)
