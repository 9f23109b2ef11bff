"""Gateways that speak XML: what is written to them, what they answer, and what they tell."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from tests.contract.conftest import http
from tests.contract.generic import message, send, table

from disparo.domain.outcome import FailureClass, OutcomeKind
from disparo.errors import SettingsInvalid
from disparo.platforms.base import Outgoing, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

BODY = """
<?xml version="1.0" encoding="UTF-8"?>
<envio chave='{segredo:k}'>
  <sms ref="{referencia}" t="{texto}"><para>{telefone}</para><texto>Olá: {texto}</texto><volta>{retorno}</volta></sms>
</envio>
"""
XML = {"json": None, "xml": BODY, "secrets": {"k": "a&'<ç"}}
TALK = {
    **XML,
    "id_path": "resposta.id",
    "code_path": "resposta.erro.@codigo",
    "codes": {"7": "number", "9": "credit"},
}
UNSAFE = "até </texto><para>1</para> & ]]> --> \"x' {segredo:k} &amp; <!DOCTYPE x> {itens}"


async def wire(peer, text="Oi", receipt_url=None, **changes):
    platform = GenericHttp("p", read_table("p", table(peer, **changes)), receipt_url=receipt_url)
    await platform.send([message(text)])
    await platform.close()
    head, _, body = peer.requests[-1].partition(b"\r\n\r\n")
    return head.decode(), body


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
@pytest.mark.parametrize("text", ["Oi", UNSAFE, "– € 😀", "uma\nduas\r\ntrês", "a\0\x01b"])
async def test_no_text_breaks_out_of_a_body_in_xml_or_gets_lost(peer, charset, text):
    xml = BODY.replace("UTF-8", charset.upper())
    head, body = await wire(peer, text, **{**XML, "xml": xml, "charset": charset})
    assert f"Content-Type: application/xml; charset={charset}\r\n" in f"{head}\r\n"
    root = ET.fromstring(body)
    (sms,) = root
    assert (root.get("chave"), sms.get("ref")) == ("a&'<ç", "ref-1")
    assert sms.get("t") == sms[1].text.removeprefix("Olá: ")
    assert [each.tag for each in sms] == ["para", "texto"]
    assert sms[0].text == "5511988887777"
    assert sms[1].text == f"Olá: {text}".replace("\0", "").replace("\x01", "")


@pytest.mark.parametrize("name", ["Content-Type", "content-type"])
async def test_a_table_may_call_it_text_xml(peer, name):
    head, _ = await wire(peer, **XML, headers={name: "text/xml"})
    assert [line for line in head.split("\r\n") if line.lower().startswith("content-type")] == [
        f"{name}: text/xml"
    ]


async def test_where_there_is_no_address_for_receipts_none_is_told(peer):
    xml = '<a u="{retorno}" v="1"><b>{texto}</b><cb tipo="x">{retorno}</cb></a>'
    changes = {**XML, "xml": xml}
    assert (await wire(peer, **changes))[1] == b'<a v="1"><b>Oi</b></a>'
    told = b'<a u="http://a/?b=1&amp;c" v="1"><b>Oi</b><cb tipo="x">http://a/?b=1&amp;c</cb></a>'
    assert (await wire(peer, receipt_url="http://a/?b=1&c", **changes))[1] == told


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
async def test_secrets_are_masked_and_the_call_is_shown(peer, charset):
    xml = BODY.replace("UTF-8", charset)
    changes = {**XML, "xml": xml, "charset": charset, "secrets": {"k": "segredão & <b> 'x' €"}}
    peer.answer = http(
        200,
        "<r><id>1</id><eco>segredão &amp; &lt;b> 'x' €</eco><eco>segredão &amp; &lt;b&gt; 'x' €</eco></r>",
    )
    platform = GenericHttp("p", read_table("p", table(peer, **changes)))
    _, exchange = await platform.exchange(message("até"))
    await platform.close()
    assert "chave='***'" in exchange.request
    assert "Olá: até" in exchange.request
    assert "segred" not in exchange.request
    assert "<eco>***</eco>" in exchange.response


@pytest.mark.parametrize(
    ("answer", "kind", "detail"),
    [
        ("<resposta><id> 77 </id></resposta>", OutcomeKind.ACCEPTED, "77"),
        ('<?xml version="1.0"?>\n<s:resposta xmlns:s="urn:x"><s:id t="n">77</s:id></s:resposta>', OutcomeKind.ACCEPTED, "77"),
        ("<resposta><id><![CDATA[a&b]]></id></resposta>", OutcomeKind.ACCEPTED, "a&b"),
        ('<resposta><erro codigo="7">Número inválido</erro></resposta>', OutcomeKind.REFUSED, FailureClass.NUMBER),
        ('<resposta><erro codigo="9"/></resposta>', OutcomeKind.NOT_TAKEN, FailureClass.CREDIT),
        ('<resposta><erro codigo="1"/></resposta>', OutcomeKind.AMBIGUOUS, FailureClass.UNKNOWN),
    ],
)  # fmt: skip
async def test_an_answer_in_xml_is_read_by_paths(peer, answer, kind, detail):
    peer.answer = http(200, answer)
    outcome = await send(peer, **TALK)
    assert outcome.kind is kind
    assert detail in (outcome.platform_id, outcome.failure)


@pytest.mark.parametrize("alphabet", ["utf-8", "utf-8-sig", "iso-8859-1", "utf-16"])
@pytest.mark.parametrize("declared", ["UTF-8", "ISO-8859-1", "utf-16", "x-nenhum"])
async def test_an_answer_is_read_whatever_alphabet_it_names(peer, alphabet, declared):
    text = f'<?xml version="1.0" encoding="{declared}"?><resposta><id>é1</id></resposta>'
    peer.answer = http(200, text.encode(alphabet))
    assert (await send(peer, **TALK)).platform_id == "é1"


LAUGHS = (
    '<!DOCTYPE r [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
BROKEN = [
    "<resposta><id>77</id>",
    "<resposta><id>77</resposta>",
    "<resposta><id>7\x017</id></resposta>",
    "<resposta><id>&nada;</id></resposta>",
    f"{LAUGHS}<resposta><id>&i;</id></resposta>",
    '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><resposta><id>&x;</id></resposta>',
    "<!DOCTYPE r SYSTEM 'http://127.0.0.1:1/x.dtd'><resposta><id>77</id></resposta>",
    "<resposta>" + "<a>" * 20_000,
    "<resposta><id>77</id>" + "<a>" * 200 + "</a>" * 200 + "</resposta>",
    "<",
    "<html><body>Manutenção</body></html>",
    "<!doctype html><title>502</title>",
]


@pytest.mark.parametrize("answer", BROKEN)
async def test_an_answer_that_is_broken_or_unfolds_is_ambiguous(peer, answer):
    peer.answer = http(200, answer)
    assert (await send(peer, **TALK)).kind is OutcomeKind.AMBIGUOUS
    with_rule = {**TALK, "success": {"path": "resposta.ok", "equals": "true"}}
    assert (await send(peer, **with_rule)).kind is OutcomeKind.AMBIGUOUS


ITEM = '<sms ref="{referencia}"><para>{telefone}</para><texto>{texto}</texto></sms>'
BATCH = {"max": 10, "item": ITEM, "items": "lote.sms"}
LOT = {
    "json": None,
    "xml": "<lote conta='{segredo:k}'>{itens}</lote>",
    "secrets": {"k": "isp"},
    "id_path": "@id",
    "code_path": "erro",
    "codes": {"E1": "number"},
    "errors": [{"regex": "<erro>SEM CR", "failure": "credit"}],
}


async def send_all(peer, batch, texts, **changes):
    platform = GenericHttp("p", read_table("p", table(peer, **{**LOT, **changes}, batch=batch)))
    outgoing = [
        Outgoing(reference=f"r{place}", e164="+5511988887777", text=text, deadline_s=boottime_s() + 30)
        for place, text in enumerate(texts)
    ]
    outcomes = await platform.send(outgoing)
    await platform.close()
    return outcomes


async def test_a_batch_is_one_body_and_each_has_its_own_outcome(peer):
    peer.answer = http(
        200,
        '<lote><sms ref="r2"><erro>SEM CRÉDITO</erro></sms><sms id="1" ref="r0"/><sms ref="r1"><erro>E1</erro></sms>'
        '<sms id="9" ref="x"/></lote>',
    )
    texts = ["um", UNSAFE, "três", "quatro"]
    outcomes = await send_all(peer, {**BATCH, "reference": "@ref"}, texts)
    (request,) = peer.requests
    sent = ET.fromstring(request.partition(b"\r\n\r\n")[2])
    assert [each.findtext("texto") for each in sent] == texts
    assert [(outcome.kind, outcome.failure) for outcome in outcomes] == [
        (OutcomeKind.ACCEPTED, None),
        (OutcomeKind.REFUSED, FailureClass.NUMBER),
        (OutcomeKind.NOT_TAKEN, FailureClass.CREDIT),
        (OutcomeKind.AMBIGUOUS, FailureClass.UNKNOWN),
    ]
    assert outcomes[0].platform_id == "1"


@pytest.mark.parametrize(
    ("count", "answer", "kinds"),
    [
        (1, '<lote><sms id="1"/></lote>', ["accepted"]),
        (2, '<lote><sms id="1"/><sms id="2"/></lote>', ["accepted"] * 2),
        (2, '<lote><sms id="1"/></lote>', ["ambiguous"] * 2),
        (2, "<lote/>", ["ambiguous"] * 2),
        (2, "<html><p>erro</p></html>", ["ambiguous"] * 2),
        (2, "<lote><sms>", ["ambiguous"] * 2),
    ],
)
async def test_by_order_a_list_of_one_is_a_list_and_nobody_knows_which_one_lacks(peer, count, answer, kinds):
    peer.answer = http(200, answer)
    outcomes = await send_all(peer, BATCH, ["x"] * count)
    assert [str(outcome.kind) for outcome in outcomes] == kinds


@pytest.mark.parametrize("items", [None, "lote.sms"])
async def test_a_page_in_html_speaks_of_no_single_message(peer, items):
    peer.answer = http(429, "<html><p>Too many</p></html>")
    outcomes = await send_all(peer, {**BATCH, "items": items}, ["x", "y"])
    assert [(each.kind, each.failure) for each in outcomes] == [
        (OutcomeKind.NOT_TAKEN, FailureClass.THROTTLE)
    ] * 2


ANSWER = {"json": None, "xml": "<a>{texto}</a>"}
READ = {"status": "s", "statuses": {}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"xml": "<a>{texto}</a>"}, "use json ou form ou xml"),
        ({"json": None, "form": {"a": "b"}, "xml": "<a>{texto}</a>"}, "use json ou form ou xml"),
        ({"json": None, "xml": ""}, "xml não está bem formado: linha 1, coluna 1"),
        ({"json": None, "xml": "<a>\n{texto}</b>"}, "xml não está bem formado: linha 2, coluna 10"),
        ({"json": None, "xml": "<a>{texto} & cia</a>"}, "xml não está bem formado"),
        ({"json": None, "xml": "<a><{texto}/></a>"}, "xml não está bem formado"),
        ({"json": None, "xml": "<a><![CDATA[{texto}]]></a>"}, "CDATA"),
        ({"json": None, "xml": "<a><!-- {texto} --></a>"}, "comentários"),
        ({"json": None, "xml": "<a><?x {texto}?></a>"}, "comentários"),
        ({"json": None, "xml": "<?x {texto}?><a/>"}, "comentários"),
        ({"json": None, "xml": "<?xml version='{texto}'?><a/>"}, "não está bem formado"),
        ({"json": None, "xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;{texto}</a>'}, "DOCTYPE"),
        ({"json": None, "xml": "<a>{inteiro:telefone}</a>"}, "{inteiro:telefone} só vale em json"),
        ({"json": None, "xml": "<a>{nulo}</a>"}, "{nulo} só vale em json"),
        ({"json": None, "xml": "<a>{mensagem}</a>"}, "{mensagem} não existe"),
        ({"json": None, "xml": "<a>{segredo:nope}</a>"}, "nope"),
        ({"json": None, "xml": "<a>{basico:u:p}</a>", "secrets": {"u": "a", "p": "b"}}, "que é de headers"),
        ({"json": None, "xml": "<?xml version='1.0' encoding='ISO-8859-1'?><a/>"}, "e vai em utf-8"),
        ({"json": None, "xml": "<?xml version='1.0' encoding='x'?><a/>"}, "e vai em utf-8"),
        ({"json": None, "xml": {"a": "b"}}, "xml: deve ser um texto"),
        ({**ANSWER, "batch": {"max": 2, "item": "<b/>"}}, "batch precisa de {itens}"),
        ({"json": None, "xml": "<a>{itens}</a>"}, "batch precisa de {itens}"),
        ({"json": None, "xml": "<a>{itens}</a>", "batch": {"max": 2, "item": {"b": "{texto}"}}}, "um texto em xml"),
        ({"json": {"a": "{itens}"}, "batch": {"max": 2, "item": "<b>{texto}</b>"}}, "uma tabela em json"),
        ({"json": None, "xml": "<a>{itens}{itens}</a>", "batch": {"max": 2, "item": "<b/>"}}, "uma vez só"),
        ({"json": None, "xml": "<a>{itens}</a>", "batch": {"max": 2, "item": "<b>{itens}</b>"}}, "uma vez só"),
        ({"json": None, "xml": "<a>{itens}</a>", "batch": {"max": 2, "item": "<b/><c/>"}}, "um elemento inteiro"),
        ({"json": None, "xml": "<a b='{itens}'/>", "batch": {"max": 2, "item": "<b/>"}}, "dentro de um elemento"),
        ({"json": None, "xml": "{itens}", "batch": {"max": 2, "item": "<b/>"}}, "não está bem formado"),
        ({"json": None, "xml": "<a>{itens}</a>", "batch": {"max": 2, "item": "{texto}"}}, "um elemento inteiro"),
        ({**ANSWER, "ask": {"xml": "<q>{texto}</q>", "answer": READ}}, "{texto} não existe"),
        ({**ANSWER, "poll": {"xml": "<q>{id}", "answer": READ}}, "não está bem formado"),
        ({**ANSWER, "balance": {"xml": "<q/>", "json": {}}}, "use json ou form ou xml"),
    ],
)  # fmt: skip
async def test_wrong_settings_are_named(peer, changes, says):
    with pytest.raises(SettingsInvalid) as caught:
        read_table("p", table(peer, **changes))
    assert says in str(caught.value)
