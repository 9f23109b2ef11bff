"""What customers write back is in one place: who must be called back is not found message by message."""

from __future__ import annotations

import pytest
from tests.support.rows import add_messages
from tests.support.visitor import EVERYTHING, text, visitor

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


def say(house, words, *, digest, e164=None, message_id=None, stops=False, sender=None):
    house.fetch(
        """INSERT INTO inbound_texts (platform, digest, sender, e164, message_id, text, opted_out, raw)
           VALUES ('simulador', $1, $2, $3, $4, $5, $6, '')""",
        digest.encode(),
        sender,
        e164,
        message_id,
        words,
        stops,
    )


@pytest.fixture(scope="module")
def said(house):
    """Of two customers, one of whom wants no more, and of nobody we wrote to."""
    first, second = house.run(lambda c: add_messages(c, 2, first_id=8_800_001, due_in_s=86_400))
    say(house, "Ja paguei ontem", digest="1", e164="+5511908800001", message_id=first)
    say(house, "SAIR", digest="2", e164="+5511908800002", message_id=second, stops=True)
    say(house, f"oi {EVIL}", digest="3", sender="28500")
    house.fetch(
        "INSERT INTO opt_outs (e164, reason, actor) VALUES ('+5511908800002', 'inbound', 'platform:simulador')"
    )


@pytest.mark.usefixtures("said")
def test_replies_are_listed_and_their_words_are_shown_on_request(house, person):
    seen = "SELECT count(*) FROM audit_log WHERE action = 'replies_viewed'"
    page = person.get("/painel/respostas")
    assert (
        text(page).index("28500") < text(page).index("CLIENTE 8800002") < text(page).index("CLIENTE 8800001")
    )
    assert "Ja paguei" not in text(page)
    assert house.value(seen) == 0
    shown = person.post("/painel/respostas")
    assert "Ja paguei ontem" in text(shown)
    assert EVIL not in shown.raw.decode()
    assert house.value(seen) == 1
    assert "viu o que os clientes responderam" in text(person.get("/painel/auditoria"))
    blind = visitor(house, tuple(name for name in EVERYTHING if name != "view_text"))
    assert "O que escreveram está oculto" in text(blind.get("/painel/respostas"))


@pytest.mark.usefixtures("said")
def test_who_asked_for_no_more_is_led_to_where_it_is_undone(house, person):
    page = person.get("/painel/respostas")
    assert "pediu para não receber mais descadastrado" in text(page)
    assert '"/painel/descadastros?telefone=%2B5511908800002"' in page.raw.decode()
    there = text(person.get("/painel/descadastros?telefone=%2B5511908800002"))
    assert "(11) 90880-0002" in there
    assert "respondeu ao SMS" in there
    person.post("/painel/descadastros/remover", telefone="+5511908800002")
    assert "pediu para não receber mais (desfeito depois)" in text(person.get("/painel/respostas"))


def test_many_replies_come_page_by_page(house, person):
    for number in range(120):
        say(house, f"resposta {number}", digest=f"p{number}", sender="28501")
    first = person.get("/painel/respostas").raw.decode()
    (onward,) = [part.split('"')[0] for part in first.split('rel="next" href="')[1:]]
    assert first.count("28501") == 50
    second = person.get(onward)
    assert second.raw.decode().count("28501") == 50
    shown = text(person.post("/painel/respostas", antes=onward.rpartition("=")[2]))
    assert "resposta 69" in shown
    assert "resposta 70" not in shown
