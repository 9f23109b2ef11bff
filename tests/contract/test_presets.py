"""Every preset against a stand-in that answers as the platform's documentation says."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from pathlib import Path

import pytest
from tests.contract.conftest import http
from tests.contract.presets_spec import SPECS

from disparo.domain.outcome import OutcomeKind
from disparo.errors import SettingsInvalid
from disparo.platforms.base import Outgoing, WebhookRejected, WebhookRequest, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.presets import presets
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

PAYLOADS = Path(__file__).parents[1] / "payloads"
names = pytest.mark.parametrize("name", sorted(SPECS))


def build(name, peer, **more):
    table = {"type": name, **SPECS[name].fill, "url": peer.url, "timeout_s": 1.5, **more}
    return GenericHttp(name, read_table(name, table), receipt_url="https://sms.example/webhook/p/x")


async def send(name, peer):
    platform = build(name, peer)
    message = Outgoing(reference="ref-1", e164="+5511988887777", text="Ola", deadline_s=boottime_s() + 30)
    try:
        (outcome,) = await platform.send([message])
    finally:
        await platform.close()
    return outcome


def test_every_preset_is_specified():
    assert set(SPECS) == set(presets())


@names
async def test_the_request_has_the_documented_fields(peer, name):
    peer.answer = http(*SPECS[name].accepted)
    outcome = await send(name, peer)
    assert (outcome.kind, outcome.platform_id) == (OutcomeKind.ACCEPTED, SPECS[name].platform_id)
    for piece in SPECS[name].on_the_wire:
        assert piece in peer.requests[0], piece


@pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name, spec in sorted(SPECS.items()) for answer in spec.answers]
)
async def test_documented_answers(peer, name, answer):
    status, body, kind, failure = answer
    peer.answer = http(status, body)
    outcome = await send(name, peer)
    assert (str(outcome.kind), outcome.failure) == (kind, failure)


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
        await asyncio.sleep(30)

    peer.answer = hang
    assert (await send(name, peer)).kind is OutcomeKind.AMBIGUOUS
    peer.answer = http(200, "<html>we are sorry</html>")
    assert (await send(name, peer)).kind is OutcomeKind.AMBIGUOUS or name == "android_sms_gateway"


def call_of(name, file):
    raw = (PAYLOADS / name / file).read_bytes().strip()
    headers = {}
    if name == "android_sms_gateway":
        stamp = str(int(time.time()))
        signed = hmac.new(b"k", raw + stamp.encode(), hashlib.sha256).hexdigest()
        headers = {"x-signature": signed, "x-timestamp": stamp}
    query = {"ref": "ref-1"} if name == "twilio" else {}
    if file.endswith(".query"):
        from urllib.parse import parse_qsl

        return WebhookRequest("GET", headers, dict(parse_qsl(raw.decode())), b"")
    return WebhookRequest("POST", headers, query, raw)


@pytest.mark.parametrize(
    ("name", "receipt"),
    [(name, receipt) for name, spec in sorted(SPECS.items()) for receipt in spec.receipts],
)
async def test_documented_receipts(peer, name, receipt):
    file, kind, failure = receipt
    (event,) = build(name, peer).parse_webhook(call_of(name, file)).receipts
    assert (str(event.kind), event.failure) == (kind, failure)
    assert event.reference == "ref-1" or event.platform_id == SPECS[name].platform_id


async def test_a_receipt_with_the_wrong_key_or_an_old_signature_is_rejected(peer):
    smsdev = build("smsdev", peer, secrets={"chave": "another"})
    with pytest.raises(WebhookRejected):
        smsdev.parse_webhook(call_of("smsdev", "received.json"))
    phone, call = build("android_sms_gateway", peer), call_of("android_sms_gateway", "delivered.json")
    for headers in ({}, {**call.headers, "x-timestamp": "1700000000"}, {**call.headers, "x-signature": "00"}):
        with pytest.raises(WebhookRejected):
            phone.parse_webhook(WebhookRequest("POST", headers, {}, call.body))


async def test_jasmin_hears_what_it_waits_for(peer):
    assert build("jasmin", peer).capabilities.receipt_reply == "ACK/Jasmin"


@names
def test_what_is_not_filled_in_is_named(name):
    with pytest.raises(SettingsInvalid) as caught:
        read_table(name, {"type": name})
    missing = [key.rpartition(".")[2] for key in presets()[name].needs]
    assert any(word in str(caught.value) for word in missing)


@names
def test_secrets_never_show(name):
    class Nowhere:
        url = "http://127.0.0.1:1/"

    assert "s3cret" not in repr(read_table(name, {"type": name, **SPECS[name].fill, "url": Nowhere.url}))


@names
def test_each_preset_has_its_page(name):
    page = Path(__file__).parents[2] / "docs" / "platforms" / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    assert f'type = "{name}"' in text
    for key in presets()[name].needs:
        assert key.rpartition(".")[2] in text
