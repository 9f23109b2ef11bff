"""Who works with the keyboard alone, or hears the page, is put where something was said, and stays where they are."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.support.rows import add_messages
from tests.support.visitor import EVERYTHING, PASSWORD


@pytest.fixture(scope="module")
def page(house, chromium):
    account = house.account(permissions=EVERYTHING)
    page = chromium.new_context(base_url=house.stage.base, locale="pt-BR").new_page()
    page.goto("/painel/entrar")
    page.get_by_label("E-mail").fill(account["username"])
    page.get_by_label("Senha").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{house.stage.base}/painel")
    return page


_HEARD = "document.activeElement === document.body ? '' : document.activeElement.innerText"


def until_heard(house, page, said):
    """Wait until what has the focus says so first: it may be shown a moment before."""
    page.wait_for_load_state()
    house.until(lambda: page.evaluate(_HEARD).startswith(said))


def test_what_was_done_has_the_focus(house, page):
    page.goto("/painel/descadastros")
    page.get_by_label("Descadastrar um número").fill("11 97777-1234")
    page.keyboard.press("Enter")
    page.wait_for_url("**/painel/descadastros")
    expect(page.get_by_text("Número descadastrado")).to_be_visible()
    until_heard(house, page, "Número descadastrado")


def test_what_was_refused_has_the_focus(house, page):
    page.goto("/painel/descadastros")
    page.get_by_label("Descadastrar um número").fill("123")
    page.keyboard.press("Enter")
    expect(page.get_by_text("O telefone não é válido")).to_be_visible()
    until_heard(house, page, "O telefone não é válido")
    for typed, said in (
        ("abc", "“abc” não é um número de fatura."),
        ("11000", "Simulação: nada foi enviado"),
    ):
        page.goto("/painel/disparos/novo")
        page.get_by_label("Números das faturas").fill(typed)
        page.get_by_role("button", name="Simular").press("Enter")
        expect(page.get_by_text(said)).to_be_visible()
        until_heard(house, page, said)


def test_the_first_page_renews_itself_around_whoever_is_on_it(house, page):
    """Each quarter of a minute it threw them to its top, and shut the table they were reading."""
    (id_,) = house.run(lambda connection: add_messages(connection, first_id=8_950_001, due_in_s=86_400))
    house.fetch("UPDATE messages SET status = 'held', reason = 'poison' WHERE id = $1", id_)
    page.goto("/painel")
    page.get_by_text("Ver como tabela").press("Enter")
    page.get_by_role("link", name="Ver e liberar").focus()
    renew = "htmx.ajax('GET', '/painel/hoje', {target: '#auto-hoje', swap: 'outerHTML'})"
    before = page.locator("#auto-hoje").element_handle()
    page.evaluate(renew)
    assert not before.evaluate("it => it.isConnected")
    expect(page.get_by_role("columnheader", name="Hora")).to_be_visible()
    expect(page.get_by_role("link", name="Ver e liberar")).to_be_focused()
    page.get_by_text("Ver como tabela").press("Enter")
    page.evaluate(renew)
    expect(page.get_by_text("Ver como tabela")).to_be_focused()
    expect(page.get_by_role("columnheader", name="Hora")).to_be_hidden()
    house.fetch("UPDATE messages SET status = 'cancelled' WHERE id = $1", id_)


@pytest.fixture
def scriptless(house, page):
    context = page.context.browser.new_context(
        base_url=house.stage.base, java_script_enabled=False, storage_state=page.context.storage_state()
    )
    yield context.new_page()
    context.close()


def test_without_script_a_template_is_looked_at_before_it_is_saved(house, scriptless):
    scriptless.goto("/painel/modelo")
    words = scriptless.get_by_label("Texto que todo cliente recebe")
    words.fill("{marca}: custa {valor} ate {vencimento}")
    scriptless.get_by_label("Com os dados da fatura").fill("11000")
    scriptless.get_by_role("button", name="Ver como fica, sem salvar").click()
    expect(scriptless.locator("#previa")).to_contain_text("ENSAIO: custa R$ 99,90 ate")
    expect(words).to_have_value("{marca}: custa {valor} ate {vencimento}")
    assert house.value("SELECT count(*) FROM templates") == 0


def test_without_script_nothing_is_said_to_be_under_way_that_is_not(house, scriptless):
    scriptless.goto("/painel/plataformas")
    expect(scriptless.get_by_text("perguntando à plataforma")).to_be_hidden()
    scriptless.get_by_role("link", name="perguntar à plataforma").click()
    expect(scriptless.get_by_text("não informa o crédito")).to_be_visible()
    (id_,) = house.run(lambda connection: add_messages(connection, first_id=8_960_001, due_in_s=86_400))
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", id_)
    scriptless.goto(f"/painel/disparos/{dispatch_id}")
    expect(scriptless.locator('meta[http-equiv="refresh"]')).to_have_count(1)
    house.fetch("UPDATE messages SET status = 'cancelled' WHERE id = $1", id_)
    scriptless.reload()
    expect(scriptless.locator('meta[http-equiv="refresh"]')).to_have_count(0)


def test_without_script_what_may_arrive_twice_is_still_asked_about(house, scriptless):
    (id_,) = house.run(lambda connection: add_messages(connection, first_id=8_970_001, due_in_s=86_400))
    house.fetch(
        """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id, started_at)
                      VALUES ($1, 'simulador', gen_random_uuid(), now() - interval '1 day') RETURNING id)
           UPDATE messages SET status = 'uncertain', platform = 'simulador', attempt_id = (SELECT id FROM a)
           WHERE id = $1""",
        id_,
    )
    for path, mark in ((f"/painel/mensagens/{id_}", None), ("/painel/incertas", "Marcar a mensagem")):
        scriptless.goto(path)
        if mark:
            scriptless.get_by_label(mark).check()
        scriptless.get_by_role("button", name="Enviar de novo").click()
        assert house.value("SELECT status FROM messages WHERE id = $1", id_) == "uncertain"
    scriptless.get_by_label("pode fazer o cliente receber o SMS duas vezes").check()
    scriptless.get_by_role("button", name="Enviar de novo").click()
    expect(scriptless.get_by_text("1 mensagem de volta à fila.")).to_be_visible()
