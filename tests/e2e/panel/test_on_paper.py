"""What is printed says what it is, and what is counted is shown whole, and apart."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.sync_api import expect
from tests.support.rows import add_messages
from tests.support.visitor import visitor


@pytest.fixture(scope="module")
def tab(house, chromium):
    cookie = {"name": "painel", "value": visitor(house).cookies["painel"], "url": house.stage.base}
    with chromium.new_context(base_url=house.stage.base, viewport={"width": 1280, "height": 900}) as context:
        context.add_cookies([cookie])
        yield context.new_page()


@pytest.fixture
def page(tab):
    """One tab for all: each that is opened costs a second of CPU."""
    tab.emulate_media(media="screen")
    return tab


def test_a_printed_page_has_its_title_and_no_button_above(house, page):
    (message_id,) = house.run(lambda connection: add_messages(connection, due_in_s=86_400))
    page.emulate_media(media="print")
    page.goto(f"/painel/mensagens/{message_id}")
    expect(page.get_by_role("heading", name=f"Mensagem {message_id}")).to_be_visible()
    page.goto("/painel/mensagens")
    expect(page.get_by_role("heading", name="Mensagens")).to_be_visible()
    expect(page.get_by_role("link", name="CSV")).to_be_hidden()


def test_no_count_of_a_dispatch_is_cut_short(house, page):
    (message_id,) = house.run(lambda connection: add_messages(connection, first_id=2, due_in_s=86_400))
    house.fetch("UPDATE messages SET status = 'accepted' WHERE id = $1", message_id)
    page.goto(f"/painel/disparos/{house.value('SELECT dispatch_id FROM messages WHERE id = $1', message_id)}")
    count = page.locator(".contagem")
    expect(count).to_contain_text("1 entregue à plataforma")
    assert count.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_what_did_not_arrive_is_counted_apart_from_what_nobody_knows(house, page):
    person = visitor(house)
    ask = "SELECT id FROM messages WHERE status = $1 AND platform IS NOT NULL"
    for mode, status in (("drop", "uncertain"), ("refuse", "failed")):
        house.behave(mode=mode, receipts=[])
        person.post("/painel/disparos", faturas="70215", disparo=str(uuid4()))
        house.until(lambda status=status: house.value(ask, status))
    house.behave(mode="accept")
    page.goto("/painel")
    table = page.locator("table", has=page.get_by_role("columnheader", name="Não chegaram"))
    expect(table.get_by_role("columnheader")).to_have_text(
        ["Plataforma", "Recebeu", "Entregou", "Não chegaram", "Incertas"]
    )
    expect(table.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(["0", "0", "1", "1"])
    table.evaluate(
        "t => { t.querySelector('tbody th').innerText = 'comtele-principal';"
        " t.querySelectorAll('td').forEach(td => { td.innerText = '12.345'; }) }"
    )
    assert table.evaluate("t => t.scrollWidth <= t.parentElement.clientWidth")
