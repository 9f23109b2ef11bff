"""A page left open: where its figures come no more, it does not show the last ones for ever, or says so."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.support.rows import add_messages
from tests.support.visitor import EVERYTHING, PASSWORD


@pytest.fixture
def page(house, chromium):
    account = house.account(permissions=EVERYTHING)
    with chromium.new_context(base_url=house.stage.base, locale="pt-BR") as context:
        page = context.new_page()
        page.goto("/painel/disparos")
        page.get_by_label("E-mail").fill(account["username"])
        page.get_by_label("Senha").fill(PASSWORD)
        page.get_by_role("button", name="Entrar").click()
        yield page


def test_after_the_session_the_form_to_sign_in_comes_by_itself(house, page):
    ids = house.run(lambda connection: add_messages(connection, 2, due_in_s=86_400, first_id=9_300_001))
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", ids[0])
    page.goto(f"/painel/disparos/{dispatch_id}")
    expect(page.get_by_text("À espera da hora de sair: faltam 2 de 2.")).to_be_visible()
    house.fetch("DELETE FROM panel_sessions")
    expect(page.get_by_role("button", name="Entrar")).to_be_visible(timeout=60_000)
    assert f"depois=/painel/disparos/{dispatch_id}" in page.url


@pytest.mark.parametrize("failure", ["abort", "refuse"])
def test_the_first_page_says_that_its_figures_are_old_and_stops_saying_so(page, failure):
    page.goto("/painel")
    told = page.get_by_text("O Disparo não responde: o que está abaixo é de")
    expect(told).to_be_hidden()
    fail = (lambda route: route.abort()) if failure == "abort" else (lambda route: route.fulfill(status=503))
    page.route("**/painel/hoje", fail)
    expect(told).to_be_visible(timeout=60_000)
    page.unroute("**/painel/hoje")
    expect(told).to_be_hidden(timeout=60_000)


def test_the_day_of_the_figures_is_theirs_also_after_midnight(page):
    page.goto("/painel")
    page.locator("#dia").evaluate("day => { day.textContent = 'ontem' }")
    expect(page.locator("#dia")).to_have_text(re.compile(r"^\d\d/\d\d/\d{4}$"), timeout=60_000)
    expect(page.locator("#dia")).to_have_count(1)


def test_a_preview_that_did_not_come_is_not_taken_for_that_of_the_text(page):
    page.goto("/painel/modelo")
    page.route("**/painel/modelo/previa", lambda route: route.abort())
    page.get_by_label("Texto que todo cliente recebe").fill("{marca}: um {valor} {vencimento}")
    told = page.get_by_text("a prévia é de antes da última mudança")
    expect(told).to_be_visible()
    page.unroute("**/painel/modelo/previa")
    page.get_by_label("Texto que todo cliente recebe").fill("{marca}: dois {valor} {vencimento}")
    expect(page.locator("#previa blockquote")).to_contain_text("dois")
    expect(told).to_be_hidden()
