"""Several messages in one call: still one write, and an outcome of its own for each of them."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.contract.conftest import http

from disparo.domain.outcome import FailureClass, OutcomeKind
from disparo.errors import SettingsInvalid
from disparo.platforms.base import Outgoing, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

BATCH = {"max": 10, "items": "list", "item": {"to": "{telefone}", "text": "{texto}", "ref": "{referencia}"}}
BY_NAME = {**BATCH, "reference": "ref"}
TABLE = {
    "json": {"account": "{valor:conta}", "list": "{itens}"},
    "values": {"conta": "isp"},
    "id_path": "id",
    "code_path": "code",
    "success": {"status": [200], "path": "id"},
    "codes": {"E1": "number", "E2": "credit"},
    "timeout_s": 20,
}
THREE = ["a", "b", "c"]


def messages(names, deadline_s=None):
    deadline_s = boottime_s() + 30 if deadline_s is None else deadline_s
    return [
        Outgoing(reference=name, e164=f"+551198888777{number}", text=f"Ola {name}", deadline_s=deadline_s)
        for number, name in enumerate(names)
    ]


async def send(peer, batch, names=THREE, **changes):
    platform = GenericHttp("p", read_table("p", {"url": peer.url, **TABLE, "batch": batch, **changes}))
    try:
        return await platform.send(messages(names))
    finally:
        await platform.close()


def kinds(outcomes):
    return [str(outcome.kind) for outcome in outcomes]


async def test_one_write_holds_all_of_them(peer):
    peer.answer = http(200, '{"list": [{"id": 1}, {"id": 2}, {"id": 3}]}')
    outcomes = await send(peer, BATCH)
    assert [outcome.platform_id for outcome in outcomes] == ["1", "2", "3"]
    (request,) = peer.requests
    body = json.loads(request.partition(b"\r\n\r\n")[2])
    assert body["account"] == "isp"
    assert [item["ref"] for item in body["list"]] == THREE
    assert [item["text"] for item in body["list"]] == ["Ola a", "Ola b", "Ola c"]


async def test_each_has_its_own_outcome(peer):
    peer.answer = http(200, '{"list": [{"id": 1}, {"code": "E1"}, {"code": "E9"}]}')
    accepted, refused, unknown = await send(peer, BATCH)
    assert accepted.kind is OutcomeKind.ACCEPTED
    assert (refused.kind, refused.failure) == (OutcomeKind.REFUSED, FailureClass.NUMBER)
    assert unknown.kind is OutcomeKind.AMBIGUOUS


@pytest.mark.parametrize("status", [400, 402, 429])
async def test_a_call_that_stopped_in_the_middle_sends_nobody_twice(peer, status):
    peer.answer = http(status, '{"list": [{"id": 1}, {"code": "E2"}, {}]}')
    taken, without_credit, not_reached = await send(peer, BATCH)
    assert (taken.kind, taken.platform_id) == (OutcomeKind.AMBIGUOUS, "1")
    assert without_credit.kind is OutcomeKind.NOT_TAKEN
    assert not_reached.kind is not OutcomeKind.AMBIGUOUS


async def test_what_stands_before_the_end_of_the_credit_was_taken_by_its_word_too(peer):
    peer.answer = http(402, '{"list": [{"code": "02"}, {"code": "E2"}, {"code": "99"}]}')
    by_word = {"id_path": None, "success": {"status": [200], "path": "code", "equals": "02"}}
    assert kinds(await send(peer, BATCH, **by_word)) == ["ambiguous", "not_taken", "not_taken"]


async def test_a_number_beside_an_error_is_of_nothing_that_was_taken(peer):
    peer.answer = http(400, '{"list": [{"id": 1, "error": "to"}, {"id": 2}, {"id": 3, "code": "E1"}]}')
    outcomes = await send(peer, BATCH, errors=[{"path": "error", "failure": "number"}])
    assert kinds(outcomes) == ["refused", "ambiguous", "refused"]


async def test_a_status_that_is_good_elsewhere_is_no_word_that_one_of_them_was_taken(peer):
    peer.answer = http(429, '{"list": [{"to": 1}, {"to": 2}, {"to": 3}]}')
    assert set(kinds(await send(peer, BATCH, success={"status": [200]}))) == {"not_taken"}


async def test_by_reference_the_order_does_not_matter_and_one_that_lacks_is_ambiguous(peer):
    peer.answer = http(200, '{"list": [{"id": 3, "ref": "c"}, {"id": 1, "ref": "a"}, {"id": 9, "ref": "x"}]}')
    outcomes = await send(peer, BY_NAME)
    assert kinds(outcomes) == ["accepted", "ambiguous", "accepted"]
    assert [outcome.platform_id for outcome in outcomes] == ["1", None, "3"]


async def test_by_order_nobody_knows_which_one_lacks(peer):
    peer.answer = http(200, '{"list": [{"id": 1}, {"id": 2}]}')
    assert kinds(await send(peer, BATCH)) == ["ambiguous"] * 3


@pytest.mark.parametrize(
    ("status", "body", "kind", "failure"),
    [
        (401, "{}", "not_taken", "auth"),
        (429, "{}", "not_taken", "throttle"),
        (429, '{"list": []}', "not_taken", "throttle"),
        (200, '{"list": []}', "ambiguous", "unknown"),
        (500, '{"list": []}', "ambiguous", "unknown"),
        (200, '{"code": "E2"}', "not_taken", "credit"),
        (200, '{"id": "whole"}', "ambiguous", "unknown"),
        (200, "<html>", "ambiguous", "unknown"),
        (500, "{}", "ambiguous", "unknown"),
    ],
)
async def test_what_is_said_of_the_whole_counts_for_every_one(peer, status, body, kind, failure):
    peer.answer = http(status, body)
    outcomes = await send(peer, BATCH)
    assert [(str(outcome.kind), outcome.failure) for outcome in outcomes] == [(kind, failure)] * 3
    assert len(peer.requests) == 1


def references(request):
    return [item["ref"] for item in json.loads(request.partition(b"\r\n\r\n")[2])["list"]]


@pytest.mark.parametrize("refusal", [(400, "{}"), (200, '{"code": "E1"}'), (413, "")])
async def test_one_that_the_platform_turns_a_whole_call_down_for_takes_nobody_along(peer, refusal):
    taken = []

    async def answer(one, writer):
        named = references(one.requests[-1])
        if "f" in named:
            await http(*refusal)(one, writer)
        else:
            taken.extend(named)
            await http(200, json.dumps({"list": [{"id": name} for name in named]}))(one, writer)

    peer.answer = answer
    names = list("abcdefgh")
    outcomes = await send(peer, BATCH, names)
    assert [outcome.platform_id for outcome in outcomes] == [*"abcde", None, *"gh"]
    assert kinds(outcomes)[5] == "refused"
    assert sorted(taken) == list("abcdegh")
    assert len(peer.requests) == 7  # eight, two fours, two twos, two ones


async def test_what_is_known_of_halves_is_told_before_the_last_one_is(peer):
    told = []

    async def answer(one, writer):
        named = references(one.requests[-1])
        if "f" in named and len(named) > 2:
            await http(400, "{}")(one, writer)
        elif "f" in named:
            await asyncio.sleep(0.3)
            assert sorted(told) == list("abcdgh")
            await http(200, json.dumps({"list": [{"id": name} for name in named]}))(one, writer)
        else:
            await http(200, json.dumps({"list": [{"id": name} for name in named]}))(one, writer)

    peer.answer = answer
    platform = GenericHttp("p", read_table("p", {"url": peer.url, **TABLE, "batch": BATCH}))
    outcomes = await platform.send(
        messages("abcdefgh"), lambda place, _outcome: told.append("abcdefgh"[place])
    )
    await platform.close()
    assert [outcome.platform_id for outcome in outcomes] == list("abcdefgh")
    assert sorted(told) == list("abcdefgh")


async def test_the_number_that_is_meant_is_known_once_it_stands_alone(peer):
    peer.answer = http(200, '{"code": "E1"}')
    outcomes = await send(peer, BATCH)
    assert [(str(outcome.kind), outcome.failure) for outcome in outcomes] == [("refused", "number")] * 3


async def test_halves_keep_the_deadline_too(peer, monkeypatch):
    async def answer(one, writer):
        # It passes meanwhile.
        monkeypatch.setattr("disparo.platforms.http.boottime_s", lambda: boottime_s() + 60)
        await http(400, "{}")(one, writer)

    peer.answer = answer
    platform = GenericHttp("p", read_table("p", {"url": peer.url, **TABLE, "batch": BATCH}))
    outcomes = await platform.send(messages(THREE, boottime_s() + 30))
    await platform.close()
    assert kinds(outcomes) == ["not_started"] * 3
    assert len(peer.requests) == 1


async def test_a_pattern_is_looked_for_in_what_is_said_of_the_message_itself(peer):
    peer.answer = http(200, '{"list": [{"id": "7a"}, {"say": "sem saldo"}, {"id": "9c", "say": "cod=E1"}]}')
    rules = {
        "id_path": None,
        "id_regex": '"id": "([0-9a-z]+)"',
        "code_path": None,
        "code_regex": "cod=(E[0-9])",
        "success": {"status": [200], "regex": '"id"'},
        "errors": [{"regex": "saldo", "failure": "credit"}],
    }
    first, second, third = await send(peer, BATCH, **rules)
    assert (str(first.kind), first.platform_id) == ("accepted", "7a")
    assert (str(second.kind), second.failure) == ("not_taken", FailureClass.CREDIT)
    assert (str(third.kind), third.failure) == ("refused", FailureClass.NUMBER)


async def test_half_a_character_in_what_is_said_of_one_hurts_nobody(peer):
    peer.answer = http(200, '{"list": [{"id": "1"}, {"id": "2", "say": "\\ud83d"}, {"id": "3"}]}')
    outcomes = await send(peer, BATCH, errors=[{"regex": "saldo", "failure": "credit"}])
    assert [outcome.platform_id for outcome in outcomes] == ["1", "2", "3"]


async def test_taken_and_dropped_is_ambiguous_for_all_and_written_once(peer):
    async def drop(_peer, writer):
        writer.close()

    peer.answer = drop
    assert kinds(await send(peer, BATCH)) == ["ambiguous"] * 3
    await asyncio.sleep(0.05)
    assert len(peer.requests) == 1


async def test_past_the_deadline_of_one_none_is_written(peer):
    platform = GenericHttp("p", read_table("p", {"url": peer.url, **TABLE, "batch": BATCH}))
    late = [*messages(["a"]), *messages(["b"], boottime_s() - 0.001)]
    assert kinds(await platform.send(late)) == ["not_started"] * 2
    await platform.close()
    assert peer.requests == []


async def test_a_list_of_one_may_be_answered_with_the_one_and_the_list_may_be_everything(peer):
    peer.answer = http(200, '{"id": 7}')
    (outcome,) = await send(peer, {**BATCH, "items": None}, ["a"], json="{itens}", values={})
    assert outcome.platform_id == "7"
    assert json.loads(peer.requests[0].partition(b"\r\n\r\n")[2])[0]["ref"] == "a"


async def test_the_answer_to_many_may_be_longer(peer):
    items = [{"id": "x" * 1500} for _ in range(100)]
    peer.answer = http(200, json.dumps({"list": items}))
    outcomes = await send(peer, {**BATCH, "max": 100}, [str(number) for number in range(100)])
    assert kinds(outcomes) == ["accepted"] * 100


def test_how_many_is_told_to_the_lane():
    table = read_table("p", {"url": "http://x.example/", **TABLE, "batch": BATCH})
    assert GenericHttp("p", table).capabilities.max_batch == 10


@pytest.mark.parametrize(
    "changes", [{"json": {"a": "b"}}, {"batch": None}, {"batch": {**BATCH, "max": 0}}, {"batch": {"max": 5}}]
)
def test_a_batch_half_said_is_named(changes):
    with pytest.raises(SettingsInvalid):
        read_table("p", {"url": "http://x.example/", **TABLE, "batch": BATCH, **changes})
