"""On a phone no page becomes wider than the screen for a word without blanks: a file's name, an e-mail, a name."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.sync_api import expect
from tests.support.visitor import visitor

WIDTH = 360
LONG = "ASSOCIACAODEMORADORES" * 6
LINES_OF_WORDS = """shown => [...shown.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => {
    const range = document.createRange()
    range.selectNode(node)
    return range.getClientRects().length
})"""
NOTHING_WIDER = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture(scope="module")
def page(house, chromium):
    cookie = {"name": "painel", "value": visitor(house).cookies["painel"], "url": house.stage.base}
    with chromium.new_context(base_url=house.stage.base, viewport={"width": WIDTH, "height": 740}) as context:
        context.add_cookies([cookie])
        yield context.new_page()


def test_a_customer_whose_name_has_no_blank(house, page):
    house.fetch("INSERT INTO customers (id, name) VALUES (8300001, $1)", LONG)
    page.goto("/painel/buscar?q=8300001")
    expect(page.get_by_role("heading", name=LONG)).to_be_visible()
    assert page.evaluate(NOTHING_WIDER)


def test_what_was_looked_for_and_not_found(page):
    page.goto(f"/painel/buscar?q={'Z' * 150}")
    expect(page.get_by_text("Nada encontrado para")).to_be_visible()
    assert page.evaluate(NOTHING_WIDER)


def test_a_file_as_programs_name_them(page):
    name = "relatorio_de_clientes_ativos_e_inativos_do_provedor_2026_11_28_14_05_09.csv"
    page.goto("/painel/importar")
    page.get_by_label("O que está no arquivo").select_option("clientes")
    page.locator("[name=arquivo]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": f"id_cliente;nome\n8300002;{LONG}\nx;;\n".encode()}
    )
    page.get_by_role("button", name="Conferir").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert page.evaluate(NOTHING_WIDER)


def test_the_e_mail_of_a_new_user(page):
    page.goto("/painel/usuarios")
    form = page.locator("form", has=page.locator("[name=email]"))
    form.locator("[name=email]").fill(f"{LONG.lower()}@provedor.com.br")
    form.get_by_role("button").click()
    expect(page.get_by_text("Anote agora")).to_be_visible()
    assert page.evaluate(NOTHING_WIDER)


def deliver_one(house):
    person = visitor(house)
    sent = person.post("/painel/disparos", faturas="11000", disparo=str(uuid4()))
    dispatch_id = sent.headers["location"].rpartition("/")[2]
    ask = "SELECT count(*) FROM messages WHERE dispatch_id = $1::uuid AND status = 'delivered'"
    house.until(lambda: house.value(ask, dispatch_id), seconds=30)


def test_the_first_page_breaks_a_platforms_name_in_no_word(house, page):
    deliver_one(house)
    for name, lines in (("simulador", [1]), ("android_sms_gateway", [1, 1, 1])):
        house.fetch("UPDATE messages SET platform = $1", name)
        page.goto("/painel")
        shown = page.locator(".por-plataforma tbody th")
        expect(shown).to_have_text(name)
        assert shown.evaluate(LINES_OF_WORDS) == lines
        assert page.evaluate(NOTHING_WIDER)


def test_the_first_page_cuts_off_no_column_beside_the_chart(house, page):
    deliver_one(house)
    house.fetch("UPDATE messages SET platform = 'android_sms_gateway'")
    for width in (1200, 1280, 1366):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto("/painel")
        table = page.locator(".table-responsive:has(.por-plataforma)")
        assert table.evaluate("table => table.scrollWidth <= table.clientWidth"), width
