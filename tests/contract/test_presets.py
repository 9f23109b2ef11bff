"""Every preset against a stand-in that answers as the platform's documentation says."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from tests.contract.conftest import http
from tests.contract.presets_spec import SPECS
from tests.contract.table import PAGE, page
from tests.support.loops import put_forward

from disparo.domain.outcome import OutcomeKind, ReceiptKind
from disparo.domain.sms_text import count_segments, is_cut
from disparo.domain.stop_words import asks_to_stop
from disparo.errors import SettingsInvalid
from disparo.platforms.base import Outgoing, WebhookForged, WebhookRejected, WebhookRequest, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.generic_questions import needs_id
from disparo.platforms.presets import presets
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

PAYLOADS = Path(__file__).parents[1] / "payloads"
DOCS = Path(__file__).parents[2] / "docs" / "platforms"
OURS = "https://sms.example/webhook/p/x"
names = pytest.mark.parametrize("name", sorted(SPECS))


def build(name, peer, **more):
    table = {"type": name, **SPECS[name].fill, "url": peer.url, "timeout_s": 10, **more}
    return GenericHttp(name, read_table(name, table), receipt_url=OURS)


@pytest.mark.parametrize(("name", "secret"), [("operação", "s"), ("kannel", "segredo-é")])
def test_what_kannel_would_spoil_in_our_address_is_refused(name, secret):
    table = {"type": "kannel", **SPECS["kannel"].fill, "url": "http://127.0.0.1/"}
    read_table(name, table)  # it brings nothing
    read_table("kannel", {**table, "webhook_secret": "s+=% "})
    with pytest.raises(SettingsInvalid, match="não podem ter acentos"):
        read_table(name, {**table, "webhook_secret": ["s", secret]})


async def doing(platform, work):
    try:
        return await work
    finally:
        await platform.close()


async def send(name, peer, **more):
    platform = build(name, peer, **more)
    message = Outgoing(reference="ref-1", e164="+5511988887777", text="Ola", deadline_s=boottime_s() + 30)
    (outcome,) = await doing(platform, platform.send([message]))
    return outcome


def each(what):
    return [(name, case) for name, spec in sorted(SPECS.items()) for case in getattr(spec, what)]


def test_every_preset_is_specified():
    assert set(SPECS) == set(presets())


@names
async def test_the_request_has_the_documented_fields(peer, name):
    peer.answer = http(*SPECS[name].accepted)
    outcome = await send(name, peer)
    assert (outcome.kind, outcome.platform_id) == (OutcomeKind.ACCEPTED, SPECS[name].platform_id)
    for piece in SPECS[name].on_the_wire:
        assert piece in peer.requests[0], piece


@pytest.mark.parametrize(("name", "answer"), each("answers"))
async def test_documented_answers(peer, name, answer):
    status, body, kind, failure = answer
    peer.answer = http(status, body)
    outcome = await send(name, peer)
    assert (str(outcome.kind), outcome.failure) == (kind, failure)
    assert len(peer.requests) == 1


@names
@pytest.mark.parametrize(
    ("status", "kind", "failure"),
    [
        (401, "not_taken", "auth"),
        (429, "not_taken", "throttle"),
        (500, "ambiguous", "unknown"),
        (302, "ambiguous", "unknown"),
    ],
)
async def test_a_status_of_http_without_a_word_of_the_platform(peer, name, status, kind, failure):
    peer.answer = http(status, "")
    outcome = await send(name, peer)
    assert (str(outcome.kind), outcome.failure) == (kind, failure)
    assert len(peer.requests) == 1


@names
def test_what_stops_a_whole_platform_is_told_from_what_ails_one_message(name):
    kinds = {(kind, failure) for _, _, kind, failure in SPECS[name].answers}
    assert any(failure == "auth" for _, failure in kinds)
    assert not {(kind, failure) for kind, failure in kinds if failure in ("auth", "credit", "throttle")} & {
        ("refused", "auth"),
        ("refused", "credit"),
        ("refused", "throttle"),
    }


async def _drop(_peer, writer):
    writer.close()


@names
async def test_taken_and_dropped_is_ambiguous_and_written_once(peer, name):
    peer.answer = _drop
    outcome = await send(name, peer)
    await asyncio.sleep(0.05)
    assert outcome.kind is OutcomeKind.AMBIGUOUS
    assert len(peer.requests) == 1


@names
async def test_no_answer_in_time_and_garbage_are_ambiguous(peer, name):
    async def hang(_peer, _writer):
        put_forward(11)
        await asyncio.sleep(30)

    peer.answer = hang
    assert (await send(name, peer)).kind is OutcomeKind.AMBIGUOUS
    peer.answer = http(200, "<html>we are sorry</html>")
    assert (await send(name, peer)).kind is OutcomeKind.AMBIGUOUS
    assert len(peer.requests) == 2


def call_of(name, file):
    raw = (PAYLOADS / name / file).read_bytes().strip()
    if file.endswith(".query"):
        return WebhookRequest("GET", {}, dict(parse_qsl(raw.decode())), b"", OURS)
    if name == "twilio":
        url, query = f"{OURS}?ref=ref-1", {"ref": "ref-1"}
        pairs = sorted(parse_qsl(raw.decode(), keep_blank_values=True))
        signed = url + "".join(key + value for key, value in pairs)
        signature = base64.b64encode(hmac.new(b"s3cret", signed.encode(), hashlib.sha1).digest()).decode()
        return WebhookRequest("POST", {"x-twilio-signature": signature}, query, raw, url)
    return of_a_phone(raw) if name == "android_sms_gateway" else WebhookRequest("POST", {}, {}, raw, OURS)


def of_a_phone(raw):
    stamp = str(int(time.time()))
    signed = hmac.new(b"k", raw + stamp.encode(), hashlib.sha256).hexdigest()
    return WebhookRequest("POST", {"x-signature": signed, "x-timestamp": stamp}, {}, raw, OURS)


@pytest.mark.parametrize(("name", "receipt"), each("receipts"))
async def test_documented_receipts(peer, name, receipt):
    file, kind, failure = receipt
    platform = build(name, peer)
    heard = platform.parse_webhook(call_of(name, file))
    (event,) = heard.receipts
    assert (str(event.kind), event.failure) == (kind, failure)
    assert event.reference == "ref-1" or event.platform_id == SPECS[name].platform_id
    assert not heard.texts
    # Zenvia lists no codes, and the phone's reasons are free text.
    assert name in ("zenvia", "android_sms_gateway") or not platform.unknown_codes


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("disparopro", 9), ("jasmin", 5), ("kannel", 1), ("sinch_brasil", 8), ("smsbarato", 1), ("smsfire", 5),
        ("totalvoice", 1),
    ],
)  # fmt: skip
async def test_no_text_is_longer_than_a_platform_hands_on_whole(name, most, peer):
    assert build(name, peer).capabilities.profile.max_parts == most
    told = build(name, peer, segments={"max_parts": 10})
    assert told.capabilities.profile.max_parts == 10


@pytest.mark.parametrize("name", ["sinch_brasil", "zenvia"])
async def test_an_accent_of_gsm_7_shortens_the_parts_of_who_knows_none(name, peer):
    profile = build(name, peer).capabilities.profile
    plain, with_accent = "a" * 140, "é" + "a" * 139
    assert (count_segments(plain, profile), count_segments(with_accent, profile)) == (1, 3)
    pix = "b" * 100
    assert is_cut(f"café {pix}", pix, profile) == (name == "zenvia")
    assert not is_cut(f"cafe {pix}", pix, profile)


async def test_what_jasmin_was_told_by_the_smsc_is_the_code(peer):
    (event,) = build("jasmin", peer).parse_webhook(call_of("jasmin", "refused.form")).receipts
    assert event.code == "ESME_RINVNUMDESTS"


@pytest.mark.parametrize(("name", "inbound"), each("inbound"))
async def test_documented_inbound_texts(peer, name, inbound):
    file, sender, text = inbound
    platform = build(name, peer)
    heard = platform.parse_webhook(call_of(name, file))
    (said,) = heard.texts
    assert (said.sender, said.text) == (sender, text)
    assert said.sender or said.about_id == SPECS[name].platform_id
    assert asks_to_stop(said.text)
    assert not heard.receipts
    assert platform.capabilities.inbound


@pytest.mark.parametrize("name", [name for name, spec in sorted(SPECS.items()) if spec.balance])
async def test_documented_balance(peer, name):
    body, amount = SPECS[name].balance
    peer.answer = http(200, body)
    platform = build(name, peer)
    balance = await doing(platform, platform.balance())
    assert balance.amount == Decimal(amount)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("name", [name for name, spec in sorted(SPECS.items()) if spec.asked])
async def test_documented_fate(peer, name):
    body, kind, failure = SPECS[name].asked
    peer.answer = http(200, body)
    platform = build(name, peer)
    answer = await doing(platform, platform.ask("ref-1", SPECS[name].platform_id))
    assert (str(answer.event.kind), answer.event.failure) == (kind, failure)
    assert b"ref-1" in peer.requests[0] or SPECS[name].platform_id.encode() in peer.requests[0]


def test_who_is_asked_by_its_own_id_is_asked_for_receipts():
    """Nobody asks for what became of an uncertain message by an id that it has not: such a table does nothing."""
    for name, spec in SPECS.items():
        settings = read_table(name, {"type": name, **spec.fill, "url": "http://127.0.0.1:1/sms"})
        assert settings.ask is None or not needs_id(settings.ask), name


@pytest.mark.parametrize("word", ["NO_CREDIT", "CARRIER_COMMUNICATION_ERROR", "INTERNAL_ERROR"])
async def test_what_sinch_tells_by_itself_it_tells_when_asked(peer, word):
    said = f'{{"id": "8a1c-0001", "correlationId": "ref-1", "sentStatusCode": 201, "sentStatus": "{word}"}}'
    peer.answer = http(200, f'{{"smsStatuses": [{said}]}}')
    platform = build("sinch_brasil", peer)
    answer = await doing(platform, platform.ask("ref-1"))
    (told,) = platform.parse_webhook(WebhookRequest("POST", {}, {}, said.encode())).receipts
    assert (answer.event.kind, answer.event.failure) == (told.kind, told.failure)
    assert answer.event.kind is ReceiptKind.UNDELIVERED


async def test_the_operators_word_is_not_the_handsets_when_asked_either(peer):
    said = (PAYLOADS / "infobip" / "operator.json").read_text()
    peer.answer = http(200, said)
    platform = build("infobip", peer)
    answer = await doing(platform, platform.ask("ref-1"))
    assert answer.event.kind is ReceiptKind.SENT


def test_what_a_platform_can_do_is_specified():
    for name, spec in SPECS.items():
        settings = read_table(name, {"type": name, **spec.fill, "url": "http://127.0.0.1:1/sms"})
        assert (settings.receipts is not None) == bool(spec.receipts), name
        assert (settings.inbound is not None) == bool(spec.inbound), name
        assert (settings.balance is not None) == bool(spec.balance), name
        assert (settings.ask is not None or settings.poll is not None) == bool(spec.asked), name


@names
def test_every_way_to_fail_has_a_class(name):
    table = read_table(name, {"type": name, **SPECS[name].fill, "url": "http://127.0.0.1:1/sms"})
    told = [table.receipts, *(rules.answer for rules in (table.ask, table.poll) if rules)]
    for rules in told if name != "kannel" else ():  # Kannel says "failed", and in other words why
        for status, kind in rules.statuses.items() if rules else ():
            assert kind is not ReceiptKind.UNDELIVERED or status in rules.failures, status


async def test_a_receipt_with_the_wrong_key_or_an_old_signature_is_forged(peer):
    smsdev = build("smsdev", peer, secrets={"chave": "another"})
    with pytest.raises(WebhookForged):
        smsdev.parse_webhook(call_of("smsdev", "received.json"))
    phone, call = build("android_sms_gateway", peer), call_of("android_sms_gateway", "delivered.json")
    for headers in ({}, {**call.headers, "x-timestamp": "1700000000"}, {**call.headers, "x-signature": "00"}):
        with pytest.raises(WebhookForged):
            phone.parse_webhook(WebhookRequest("POST", headers, {}, call.body))


async def test_a_phone_that_brings_the_same_words_again_brings_another_text(peer):
    """Its messageId is made of what the text says; the event has an id of its own, the same in every try."""
    phone, raw = build("android_sms_gateway", peer), call_of("android_sms_gateway", "inbound.json").body
    calls = raw, raw, raw.replace(b'"w3"', b'"w4"')
    said = [phone.parse_webhook(of_a_phone(call)).texts[0] for call in calls]
    assert said[0] == said[1] != said[2]


async def test_twilio_signs_the_address_and_every_field(peer):
    twilio, call = build("twilio", peer), call_of("twilio", "delivered.form")
    for url, body in ((f"{OURS}?ref=ref-2", call.body), (call.url, call.body + b"&X=1"), (call.url, b"")):
        with pytest.raises(WebhookForged):
            twilio.parse_webhook(WebhookRequest("POST", call.headers, call.query, body, url))


async def test_a_known_signature_of_twilios_own_example(peer):
    """The example of Twilio's page on request validation."""
    twilio = build("twilio", peer, secrets={"sid": "AC1", "token": "12345"})
    form = (
        b"Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE"
    )
    url, headers = (
        "https://mycompany.com/myapp.php?foo=1&bar=2",
        {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
    )
    assert not twilio.parse_webhook(WebhookRequest("POST", headers, {}, form, url)).receipts


async def test_questions_that_a_platform_takes_seldom_have_their_pause(peer):
    pauses = {
        name: build(name, peer).capabilities.ask_every_s for name in ("sinch_brasil", "comtele", "twilio")
    }
    assert pauses == {"sinch_brasil": 1, "comtele": 31, "twilio": 0}


def test_where_a_limit_is_documented_it_is_the_pace():
    paced = {}
    for name, spec in SPECS.items():
        table = read_table(name, {"type": name, **spec.fill, "url": "http://127.0.0.1:1/sms"})
        if table.per_second is not None:
            paced[name] = table.per_second
    assert paced == {"android_sms_gateway": 0.05, "smsfire": 1}


async def test_what_is_neither_receipt_nor_text_is_rejected(peer):
    for name in ("smsbarato", "disparopro"):
        with pytest.raises(WebhookRejected):
            build(name, peer).parse_webhook(WebhookRequest("POST", {}, {}, b"{}"))


async def test_platforms_hear_what_they_wait_for(peer):
    assert build("jasmin", peer).capabilities.receipt_reply == "ACK/Jasmin"
    assert build("twilio", peer).capabilities.receipt_reply == "<Response></Response>"


@names
def test_what_is_not_filled_in_is_named(name):
    with pytest.raises(SettingsInvalid) as caught:
        read_table(name, {"type": name})
    missing = [key.rpartition(".")[2] for key in presets()[name].needs]
    assert any(word in str(caught.value) for word in missing)


@names
def test_secrets_never_show(name):
    table = read_table(name, {"type": name, **SPECS[name].fill, "url": "http://127.0.0.1:1/"})
    assert "s3cret" not in repr(table)


def test_the_table_of_platforms_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.contract.table"


@names
def test_each_preset_has_its_page(name):
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    assert f'type = "{name}"' in text
    for key in presets()[name].needs:
        assert key.rpartition(".")[2] in text
