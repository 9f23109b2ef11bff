"""A dispatch's page left open: where its figures come no more, it does not show the last ones for ever."""

from __future__ import annotations

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
