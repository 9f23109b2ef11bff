"""What may be set, where calls may go, and what goes nowhere before it is allowed to."""

from __future__ import annotations

from datetime import date

import pytest
from tests.contract.generic import message, send, table

from disparo.domain.outcome import FailureClass, OutcomeKind
from disparo.errors import SettingsInvalid
from disparo.platforms.http import is_forbidden
from disparo.platforms.registry import build_platforms, read_table, receipt_url
from disparo.wording import words

pytestmark = pytest.mark.anyio


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


async def test_a_general_setting_below_a_table_is_told_where_it_belongs(peer):
    """Who adds `real_sending = true` at the end of the file has it in the last platform's table."""
    with pytest.raises(SettingsInvalid, match=r"acima da primeira linha .*: brand, real_sending\)$"):
        read_table("minha", table(peer, real_sending=True, brand="MINHA NET"))
    with pytest.raises(SettingsInvalid, match=r"host: não existe$"):
        read_table("minha", table(peer, host="sms.example.com"))


@pytest.mark.parametrize("endless", [float("inf"), float("nan"), 1e9])
@pytest.mark.parametrize("name", ["after_s", "every_s"])
async def test_nobody_waits_for_ever_to_ask_a_platform(peer, name, endless):
    """What the database cannot add to a time would end the questions to all platforms."""
    poll = {"query": {"id": "{id}"}, "answer": {"status": "status", "statuses": {"D": "delivered"}}}
    assert read_table("p", table(peer, poll=poll))
    with pytest.raises(SettingsInvalid, match=rf"poll\.{name}"):
        read_table("p", table(peer, poll={**poll, name: endless}))


async def test_a_pause_before_the_next_try_is_a_number(peer):
    rule = {"status": [503], "outcome": "not_taken", "failure": "throttle"}
    assert read_table("p", table(peer, errors=[{**rule, "retry_after_s": 7200}]))
    with pytest.raises(SettingsInvalid, match=r"retry_after_s"):
        read_table("p", table(peer, errors=[{**rule, "retry_after_s": float("nan")}]))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "8.8.8.8", "::1"])
def test_the_lan_is_allowed(address):
    assert not is_forbidden(address)


async def test_a_forbidden_address_is_never_connected_to(peer):
    outcome = await send(peer, url="http://169.254.169.254/latest/meta-data")
    assert (outcome.kind, outcome.failure) == (OutcomeKind.NOT_TAKEN, FailureClass.NETWORK)
    assert words.code(outcome.code) == "o Disparo não chama este endereço, que é reservado"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"url": "http://{telefone}.example/"}, "endereço"),
        ({"url": "ftp://x.example/"}, "http"),
        *(
            (where(url), "o servidor ou a porta do endereço não vale")
            for url in (
                "https://x.example:80443/sms",
                "https://x.example:porta/sms",
                "https://[x.example/sms",
            )
            for where in (lambda url: {"url": url}, lambda url: {"health": {"url": url}})
        ),
        ({"url": "http://user:pass@x.example/"}, "senha"),
        ({"url": "http://user@x.example/"}, "senha"),
        ({"headers": {"X": "a\r\nEvil: 1"}}, "cabeçalho"),
        ({"headers": {"X Y": "a"}}, "cabeçalho"),
        ({"headers": {"X": "{segredo:nope}"}}, "nope"),
        ({"form": {"a": "b"}}, "json ou form"),
        ({"json": {"to": "{telefone}", "text": "{mensagem}"}}, "{mensagem} não existe"),
        ({"json": {"to": "{Telefone}", "text": "{texto}"}}, "{Telefone} não existe"),
        ({"json": None, "query": {"to": "{telefone}", "ref": "{id}"}}, "{id} não existe"),
        (
            {"json": None, "form": {"to": "{telefone}", "key": "{secreto:chave}"}},
            "{secreto:chave} não existe",
        ),
        ({"headers": {"X": "{chave}"}}, "{chave} não existe"),
        ({"json": {"to": "{telefone}", "on": [date(2026, 1, 2)]}}, "datas e horas vão entre aspas"),
        ({"json": {"to": "{telefone}", "cost": float("nan")}}, "nan e inf não existem"),
        ({"json": {"to": "+{inteiro:telefone}"}}, "{inteiro:telefone} só vale em json, sozinho"),
        ({"json": None, "form": {"to": "{inteiro:telefone}"}}, "{inteiro:telefone} só vale em json"),
        ({"json": {"to": "{telefone}", "text": "{inteiro:texto}"}}, "{inteiro:texto} não existe aqui"),
        ({"json": {"to": "{telefone}", "at": "em {nulo}"}}, "{nulo} só vale em json, sozinho no campo"),
        ({"json": None, "query": {"to": "{telefone}", "at": "{nulo}"}}, "{nulo} só vale em json"),
        ({"headers": {"X": "{nulo}"}}, "{nulo} só vale em json"),
        (
            {"poll": {"json": {"x": "{inteiro:telefone}"}, "answer": {"status": "s", "statuses": {}}}},
            "{inteiro:telefone} não existe aqui",
        ),
        ({"poll": {"path": "/{numero}", "answer": {"status": "s", "statuses": {}}}}, "{numero} não existe"),
        ({"method": "DELETE"}, "method"),
        ({"success": {"regex": "("}}, "regular"),
        ({"success": {"status": [200], "id": "x"}}, "success.0.id: não existe"),
        ({"unknown_key": 1}, "unknown_key"),
        ({"secrets": {"k": "env:NO_SUCH_VARIABLE_HERE"}}, "NO_SUCH_VARIABLE_HERE"),
        ({"webhook_secret": ["a", "b", "c"]}, "dois durante a troca"),
        ({"webhook_secret": "env:NO_SUCH_VARIABLE_HERE"}, "NO_SUCH_VARIABLE_HERE"),
        ({"webhook_secret": "q83v/x+="}, "não pode ter /"),
        ({"sources": ["10.0.0.0/99"]}, "nem uma rede: 10.0.0.0/99"),
        ({"codes": {"1": "wat"}}, "codes"),
        ({"balance": {"url": "//elsewhere.example/"}}, "outro servidor"),
        ({"balance": {"url": "/\\elsewhere.example/"}}, "outro servidor"),
        ({"balance": {"url": "http://u:p@x.example/"}}, "senha"),
        ({"poll": {"path": "/{segredo:nope}", "answer": {"status": "s", "statuses": {}}}}, "nope"),
        ({"inbound": {"text": "t"}}, "sender"),
        ({"inbound": {"text": "t", "sender": "s", "when": {"path": "x", "regex": "^MO"}}}, "path e equals"),
        ({"receipts": {"status": "s", "statuses": {}, "hmac_key": "k"}}, "hmac_header"),
        ({"receipts": {"status": "s", "statuses": {}, "token": "t"}}, "token precisa de header"),
        ({"receipts": {"status": "s", "statuses": {}, "token_path": "t"}}, "e o contrário"),
        ({"type": "pigeon"}, "pigeon"),
        ({"type": "simulator", "url": "http://10.0.0.1:1"}, "127.0.0.1"),
    ],
)
async def test_wrong_settings_are_named(peer, changes, says):
    with pytest.raises(SettingsInvalid) as caught:
        read_table("p", table(peer, **changes))
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ['{"a": {"b": "{texto}"}}', "{} {1} {{texto}} { texto }"])
async def test_braces_that_are_no_placeholder_are_left_alone(peer, text):
    assert read_table("p", table(peer, json=None, form={"to": "{telefone}", "text": text}))


@pytest.mark.parametrize("name", ["", "minha/rede"])
async def test_a_name_that_is_no_part_of_an_address_is_refused(peer, name):
    with pytest.raises(SettingsInvalid, match="o nome vai em endereços"):
        read_table(name, table(peer))


async def test_names_and_secrets_are_written_as_an_address_has_them(peer):
    settings = read_table("minha rede", table(peer, webhook_secret="um só + outro"))
    told = receipt_url("minha rede", settings, "https://sms.provedor.com.br")
    assert told == "https://sms.provedor.com.br/webhook/minha%20rede/um%20s%C3%B3%20%2B%20outro"


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
