"""Receipts, customers' texts and answers to questions that come in XML."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.contract.conftest import http
from tests.contract.generic import table
from tests.contract.test_generic_http_xml import BROKEN, LAUGHS

from disparo.domain.outcome import FailureClass, ReceiptKind
from disparo.platforms.base import WebhookForged, WebhookRejected, WebhookRequest
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

RULES = {
    "items": "recibos.recibo",
    "id": "@id",
    "reference": "ref",
    "status": "situacao",
    "code": "motivo.@codigo",
    "carrier": "operadora",
    "statuses": {"ENTREGUE": "delivered", "FALHOU": "undelivered"},
    "failures": {"404": "number"},
}
ONE = '<recibo id="7"><ref>r-1</ref><situacao> entregue </situacao><operadora>Operação</operadora></recibo>'
OTHER = '<recibo id="8"><situacao>FALHOU</situacao><motivo codigo="404">x</motivo></recibo>'
TEXT = {"items": "recibos.resposta", "sender": "de", "text": "texto", "id": "@id"}


def told(peer, body, *, inbound=None, kind="text/xml", **rules):
    platform = GenericHttp("p", read_table("p", table(peer, receipts={**RULES, **rules}, inbound=inbound)))
    octets = body if isinstance(body, bytes) else body.encode()
    return platform.parse_webhook(WebhookRequest("POST", {"content-type": kind}, {}, octets))


@pytest.mark.parametrize("alphabet", ["utf-8", "iso-8859-1", "utf-16"])
@pytest.mark.parametrize(
    "kind", ["text/xml", "application/xml; charset=x", "application/x-www-form-urlencoded"]
)
async def test_a_receipt_in_xml(peer, kind, alphabet):
    body = f'<?xml version="1.0"?><recibos>{ONE}</recibos>'.encode(alphabet)
    (event,) = told(peer, body, kind=kind).receipts
    assert (event.kind, event.platform_id, event.reference) == (ReceiptKind.DELIVERED, "7", "r-1")
    assert event.carrier == "Operação"


async def test_several_of_which_each_keeps_its_own_part(peer):
    heard = told(peer, f"<recibos>{ONE}\n<recibo/>{OTHER}</recibos>")
    assert [event.platform_id for event in heard.receipts] == ["7", "8"]
    assert (heard.receipts[1].code, heard.receipts[1].failure) == ("404", FailureClass.NUMBER)
    assert list(heard.parts) == [ONE.replace("> entregue <", ">entregue<"), OTHER]


async def test_one_that_is_the_whole_call(peer):
    names = {"id": "recibo.@id", "reference": None, "status": "recibo.situacao"}
    (event,) = told(peer, ONE, items=None, **names).receipts
    assert (event.kind, event.platform_id) == (ReceiptKind.DELIVERED, "7")


async def test_a_token_in_it_is_checked(peer):
    rules = {"token_path": "senha", "token": "s&1"}
    body = "<recibos><recibo id='1'><senha>{}</senha><situacao>ENTREGUE</situacao></recibo></recibos>"
    assert told(peer, body.format("s&amp;1"), **rules).receipts
    with pytest.raises(WebhookForged):
        told(peer, body.format("outra"), **rules)


@pytest.mark.parametrize(
    "body", [*BROKEN, "<recibos/>", f"{LAUGHS}<recibos>{ONE}&i;</recibos>", "\ufeff<recibos>"]
)
async def test_what_is_no_receipt_is_rejected(peer, body):
    with pytest.raises(WebhookRejected):
        told(peer, body)


async def test_what_customers_answer_comes_to_the_same_address(peer):
    one = '<resposta id="3"><de>5511988887777</de><texto>SAIR &amp; já</texto></resposta>'
    for body, count in ((f"<recibos>{one}</recibos>", 1), (f"<recibos>{one}{one}</recibos>", 2)):
        texts = told(peer, body, inbound=TEXT).texts
        assert [(each.sender, each.text, each.platform_id) for each in texts] == [
            ("5511988887777", "SAIR & já", "3")
        ] * count
    assert told(peer, f"<recibos>{ONE}</recibos>", inbound=TEXT).receipts


async def ask(peer, platform_id="p&1", **changes):
    platform = GenericHttp("p", read_table("p", table(peer, **changes)))
    try:
        return await platform.ask("ref-1", platform_id)
    finally:
        await platform.close()


POLL = {
    "method": "POST",
    "xml": "<consulta senha='{segredo:k}'><id>{id}</id></consulta>",
    "answer": {**RULES, "items": "recibos.recibo"},
}


async def test_a_question_and_its_answer_in_xml(peer):
    peer.answer = http(
        200, f"<recibos>{OTHER}<recibo id='p&amp;1'><situacao>ENTREGUE</situacao></recibo></recibos>"
    )
    answer = await ask(peer, poll=POLL, secrets={"k": "<ç>"})
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert b"Content-Type: application/xml; charset=utf-8" in head
    assert body.decode() == "<consulta senha='&lt;ç&gt;'><id>p&amp;1</id></consulta>"
    assert (answer.event.kind, answer.event.reference) == (ReceiptKind.DELIVERED, "ref-1")
    assert answer.raw == 'POST\n<recibo id="p&amp;1"><situacao>ENTREGUE</situacao></recibo>'


async def test_without_the_id_that_it_names_nothing_is_asked(peer):
    assert await ask(peer, platform_id=None, poll=POLL, secrets={"k": "x"}) is None
    assert peer.requests == []


@pytest.mark.parametrize("answer", [*BROKEN, f"<recibos>{OTHER}</recibos>", "<recibos/>"])
async def test_what_tells_nothing_of_the_message_is_no_answer(peer, answer):
    peer.answer = http(200, answer)
    assert await ask(peer, poll=POLL, secrets={"k": "x"}) is None


async def test_credit_and_health_in_xml(peer):
    balance = {"url": peer.url, "method": "POST", "xml": "<saldo/>", "answer": "saldo.valor"}
    health = {"url": peer.url, "good": {"path": "saldo.@ok", "equals": "sim"}}
    platform = GenericHttp("p", read_table("p", table(peer, balance=balance, health=health)))
    peer.answer = http(200, "<saldo ok='sim'><valor>1.234,5</valor></saldo>")
    assert (await platform.balance()).amount == Decimal("1234.5")
    assert (await platform.health()).is_well
    for answer in BROKEN:
        peer.answer = http(200, answer)
        assert await platform.balance() is None
        assert not (await platform.health()).is_well
    await platform.close()
