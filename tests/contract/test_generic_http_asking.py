"""Questions about a message: by our reference or the platform's id; not known is never an answer."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from tests.contract.conftest import http
from tests.contract.generic import table, take_and_drop

from disparo.domain.outcome import ReceiptKind
from disparo.errors import SettingsInvalid
from disparo.platforms.base import NoAnswer
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.generic_questions import read_amount
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

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


async def test_of_two_under_our_reference_the_one_that_was_asked_about_answers(peer):
    """It was sent again: of the first one nobody knew whether it had gone."""
    items = [{"id": "p-1", "ref": "r-1", "st": "NOK"}, {"id": "p-2", "ref": "r-1", "st": "OK"}]
    peer.answer = http(200, json.dumps({"items": items}))
    answer = {**ASK["answer"], "items": "items", "statuses": {"OK": "delivered", "NOK": "undelivered"}}
    platform = GenericHttp("p", read_table("p", table(peer, poll={**ASK, "url": "", "answer": answer})))
    told = {asked: (await platform.ask("r-1", asked)).event.platform_id for asked in ("p-1", "p-2", None)}
    await platform.close()
    assert told == {"p-1": "p-1", "p-2": "p-2", None: "p-1"}


async def test_secrets_and_values_stand_in_the_path_too(peer):
    peer.answer = http(200, '{"id": "p-1", "st": "OK"}')
    poll = {**ASK, "path": "/{valor:conta}/{segredo:chave}/{id}", "query": {}}
    named = {"values": {"conta": "7"}, "secrets": {"chave": "a/b"}}
    platform = GenericHttp("p", read_table("p", table(peer, poll=poll, **named)))
    await platform.ask("ref-1", "p 1")
    await platform.close()
    assert peer.requests[0].startswith(b"GET /sms/7/a%2Fb/p%201 ")


async def test_a_question_may_be_a_form(peer):
    form = {"chave": "{segredo:chave}", "ids[]": "{referencia}", "tipo": "{valor:tipo}"}
    named = {
        "values": {"tipo": "situação"},
        "secrets": {"chave": "a&b"},
        "charset": "iso-8859-1",
        "json": None,
    }
    asked = {"method": "POST", "query": {}, "form": form}
    settings = table(peer, ask={**ASK, **asked}, form={"to": "{telefone}", "text": "{texto}"}, **named)
    platform = GenericHttp("p", read_table("p", settings))
    await platform.ask("r 1&x")
    await platform.close()
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert body == b"chave=a%26b&ids%5B%5D=r+1%26x&tipo=situa%E7%E3o"
    assert b"Content-Type: application/x-www-form-urlencoded" in head


async def test_a_question_has_one_body(peer):
    with pytest.raises(SettingsInvalid, match="só um deles"):
        read_table("p", table(peer, ask={**ASK, "form": {"a": "{referencia}"}, "json": {}}))
    with pytest.raises(SettingsInvalid, match="texto"):
        read_table("p", table(peer, ask={**ASK, "method": "POST", "form": {"a": "{texto}"}}))


async def test_a_question_in_json_may_say_null(peer):
    await ask(peer, method="POST", query={}, json={"ref": "{referencia}", "page": "{nulo}"})
    assert json.loads(peer.requests[0].partition(b"\r\n\r\n")[2]) == {"ref": "r 1&x", "page": None}


@pytest.mark.parametrize(
    "answer",
    [http(404, "{}"), http(400, "{}"), http(200, "{}"), http(200, "x"),
     http(200, '{"id": "1", "ref": "another", "st": "OK"}')],
)  # fmt: skip
async def test_not_known_tells_nothing(peer, answer):
    peer.answer = answer
    assert await ask(peer) is None


@pytest.mark.parametrize(
    "answer", [http(500, '{"id": "1", "st": "OK"}'), http(403, "{}"), http(429, "{}"), take_and_drop]
)
async def test_who_is_away_or_answers_nobody_gave_no_answer(peer, answer):
    peer.answer = answer
    assert await ask(peer) == NoAnswer()


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
    assert found.raw == 'POST\n{"id": "p-1", "st": "OK"}'  # "x" is somebody else's
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
     ("-3.5", "-3.5"), ("0", "0"), ("ND", None), ("", None), ("1200.", "1200"),
     ("1.200", "1200"), ("R$ 1.234.567", "1234567"), ("0.125", "0.125"), ("-1.200", "-1200"), ("saldo: 1.200.", "1200"),
     ("1.2.3", None)],
)  # fmt: skip
def test_amounts_as_platforms_write_them(text, amount):
    found = read_amount(text)
    assert found == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("said", "amount"),
    [('"1.200"', "1200"), ('"1.200,50"', "1200.50"), ("1.200", "1.2"), ("47.791", "47.791"), ("1200", "1200"), ("1e3", "1000"),
     ("NaN", None), ("9" * 400, "9" * 400), ("true", None), ('""', None)],
)  # fmt: skip
async def test_credit_in_words_may_part_thousands_and_as_a_number_of_json_never_does(peer, said, amount):
    peer.answer = http(200, f'{{"b": {said}}}')
    platform = GenericHttp("p", read_table("p", table(peer, balance={"url": peer.url, "answer": "b"})))
    found = await platform.balance()
    await platform.close()
    assert (found and found.amount) == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("decimal", "text", "amount"),
    [(".", "8.065", "8.065"), (".", "-8.065", "-8.065"), (".", "1,234.5", "1234.5"), (".", "12", "12"), (".", "1.2.3", None),
     (",", "8,065", "8.065"), (",", "1.234,5", "1234.5"), (",", "1.234", "1234"), (",", "12", "12")],
)  # fmt: skip
def test_where_the_sign_before_decimals_is_known_no_thousand_is_made_of_them(decimal, text, amount):
    assert read_amount(text, decimal) == (None if amount is None else Decimal(amount))


async def test_a_platform_that_was_given_up_in_the_middle_of_a_round_tells_nothing(peer):
    asked = {"ask": {**ASK, "url": peer.url}, "balance": {"url": peer.url, "answer": "b"}}
    platform = GenericHttp("p", read_table("p", table(peer, **asked)))
    await platform.ask("ref-1")
    await platform.close()
    assert await platform.ask("ref-1") == NoAnswer()
    assert await platform.balance() is None
    assert not (await platform.health()).is_well
    assert len(peer.requests) == 1
