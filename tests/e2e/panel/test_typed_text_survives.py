"""What somebody typed is still there when their session ends meanwhile; it is not saved by itself."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.support.visitor import EVERYTHING, PASSWORD

TYPED = "{marca}: ate {vencimento} custa {valor}. {pagamento}"


@pytest.fixture(scope="module")
def account(house):
    return house.account(permissions=EVERYTHING)


@pytest.fixture(scope="module")
def tab(house, chromium):
    """One for all: each that is opened costs a second of CPU."""
    with chromium.new_context(base_url=house.stage.base, locale="pt-BR") as context:
        yield context.new_page()


@pytest.fixture
def page(account, tab):
    """Of somebody who was never here before: what the browser keeps is each test's own."""
    tab.goto("about:blank")  # a preview still on its way would find no session, and go to the same page
    tab.context.clear_cookies()
    tab.goto("/painel/entrar")
    tab.evaluate("localStorage.clear(); sessionStorage.clear()")
    tab.goto("/painel/modelo")
    sign_in(tab, account)
    return tab


@pytest.fixture(autouse=True)
def _nothing_is_saved(house):
    yield
    assert house.value("SELECT count(*) FROM templates") == 0


def sign_in(page, account, password=PASSWORD):
    page.get_by_label("E-mail").fill(account["username"])
    page.get_by_label("Senha").fill(password)
    page.get_by_role("button", name="Entrar").click()


def words(page):
    return page.get_by_label("Texto que todo cliente recebe")


def test_a_template_that_is_saved_after_the_session_is_there_again(house, account, page):
    before = words(page).input_value()
    words(page).fill(TYPED)
    expect(page.locator("#previa")).to_contain_text("custa R$")
    house.fetch("DELETE FROM panel_sessions")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_text("o que você pediu por último não foi feito")).to_be_visible()
    sign_in(page, account, "errada")
    sign_in(page, account)
    expect(words(page)).to_have_value(TYPED)
    expect(page.get_by_text("Este texto ainda não foi salvo")).to_be_visible()
    expect(page.locator("#previa")).to_contain_text("custa R$")
    page.reload()
    expect(words(page)).to_have_value(before)
    expect(page.get_by_text("Este texto ainda não foi salvo")).to_be_hidden()


def test_what_somebody_else_saved_meanwhile_is_not_overtaken_by_it(house, account, page):
    words(page).fill(TYPED)
    house.fetch("INSERT INTO templates (text, actor) VALUES ('{marca}: {valor} {vencimento}', 'user:1')")
    house.fetch("DELETE FROM panel_sessions")
    page.get_by_role("button", name="Salvar").click()
    sign_in(page, account)
    expect(words(page)).to_have_value(TYPED)
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_text("depois que você abriu esta página")).to_be_visible()
    assert house.value("SELECT count(*) FROM templates") == 1
    house.fetch("DELETE FROM templates")


def test_a_preview_after_the_session_loses_nothing_either(house, account, page):
    expect(words(page)).to_be_visible()
    house.fetch("DELETE FROM panel_sessions")
    words(page).fill(TYPED)
    expect(page.get_by_role("button", name="Entrar")).to_be_visible()
    sign_in(page, account)
    expect(words(page)).to_have_value(TYPED)


def test_what_was_left_behind_by_going_elsewhere_does_not_come_back(page):
    before = words(page).input_value()
    words(page).fill(TYPED)
    page.get_by_role("link", name="Disparos").first.click()
    page.goto("/painel/modelo")
    expect(words(page)).to_have_value(before)


def test_a_list_of_invoices_is_there_again(house, account, page):
    page.goto("/painel/disparos/novo")
    page.get_by_label("Números das faturas").fill("11000\n70215")
    house.fetch("DELETE FROM panel_sessions")
    page.get_by_role("button", name="Simular").click()
    sign_in(page, account)
    expect(page.get_by_label("Números das faturas")).to_have_value("11000\n70215")


def test_the_days_and_the_price_of_a_list_are_there_again(house, account, page):
    typed = {"ou vencimento de": "2026-12-01", "até": "2026-12-10", "Preço de um segmento (R$)": "0,09"}
    page.goto("/painel/disparos/novo")
    for label, value in typed.items():
        page.get_by_label(label, exact=True).fill(value)
    house.fetch("DELETE FROM panel_sessions")
    page.get_by_role("button", name="Simular").click()
    sign_in(page, account)
    for label, value in typed.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(value)
    expect(page.get_by_label("Números das faturas")).to_have_value("")


def test_so_are_the_permissions_of_a_new_user(house, account, page):
    page.goto("/painel/usuarios")
    page.locator("#email").fill("bia@provedor.example")
    page.locator("#novo-send").uncheck()
    page.locator("#novo-view_text").check()
    house.fetch("DELETE FROM panel_sessions")
    page.get_by_role("button", name="Criar", exact=True).click()
    sign_in(page, account)
    expect(page.locator("#email")).to_have_value("bia@provedor.example")
    expect(page.locator("#novo-send")).not_to_be_checked()
    expect(page.locator("#novo-view_text")).to_be_checked()
    page.reload()
    expect(page.locator("#novo-send")).to_be_checked()


def test_so_are_the_ticks_of_a_user_there_was_and_of_no_other(house, account, page):
    """What somebody else changed meanwhile is not undone by ticks that nobody touched."""
    first, second = (
        house.value(
            """INSERT INTO users (email, name, password_hash, permissions)
               VALUES ($1, $1, 'x', '{send}') RETURNING id""",
            f"{name}@provedor.example",
        )
        for name in ("caio", "dora")
    )
    page.goto("/painel/usuarios")
    page.locator(f"#u{first}-view_text").check()
    house.fetch("DELETE FROM panel_sessions")
    house.fetch("UPDATE users SET permissions = '{send,cancel}' WHERE id = $1", second)
    page.get_by_role("button", name="Salvar permissões de caio").click()
    sign_in(page, account)
    expect(page.locator(f"#u{first}-view_text")).to_be_checked()
    expect(page.locator(f"#u{second}-cancel")).to_be_checked()
    unsaved = page.get_by_text("O que você marcou ainda não foi salvo").locator("visible=true")
    expect(unsaved).to_have_count(1)
    assert list(house.value("SELECT permissions FROM users WHERE id = $1", first)) == ["send"]
    page.get_by_role("button", name="Salvar permissões de caio").click()
    expect(page.get_by_text("Permissões salvas")).to_be_visible()
    assert sorted(house.value("SELECT permissions FROM users WHERE id = $1", first)) == ["send", "view_text"]
    expect(unsaved).to_have_count(0)


def test_a_form_that_the_network_took_is_there_again_when_one_goes_back(page):
    page.goto("/painel/usuarios")
    page.locator("#email").fill("eva@provedor.example")
    page.context.set_offline(True)
    page.get_by_role("button", name="Criar", exact=True).click()
    page.wait_for_function("location.protocol === 'chrome-error:'")
    page.context.set_offline(False)
    page.go_back()  # the browser's own page stood in the place of the form's
    expect(page).to_have_url(re.compile("/painel/modelo$"))
    page.get_by_role("link", name="Disparos").first.click()
    page.get_by_role("link", name="Usuários").click()
    expect(page.locator("#email")).to_have_value("eva@provedor.example")
    page.get_by_role("button", name="Criar", exact=True).click()
    expect(page.get_by_role("heading", name="Senha de eva@provedor.example")).to_be_visible()
    page.get_by_role("link", name="Usuários").click()
    expect(page.locator("#email")).to_have_value("")


@pytest.mark.parametrize(
    ("form", "typed"),
    [
        ("usuarios Criar", {"Nome": "Bia", "E-mail": "bia@provedor.example"}),
        ("clientes-api Criar", {"Nome do programa": "robô"}),
        ("descadastros Descadastrar", {"Descadastrar um número": "11 98888-7777"}),
    ],
)
def test_short_fields_are_there_again_too(house, account, page, form, typed):
    path, button = form.split()
    page.goto(f"/painel/{path}")
    for label, value in typed.items():
        page.get_by_label(label, exact=True).fill(value)
    house.fetch("DELETE FROM panel_sessions")
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_text("o que você pediu por último não foi feito")).to_be_visible()
    sign_in(page, account)
    for label, value in typed.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(value)
    page.reload()
    for label in typed:
        expect(page.get_by_label(label, exact=True)).to_have_value("")


def test_a_list_that_was_simulated_is_there_again_when_it_could_not_be_sent(house, account, page):
    """It came from a file, and nobody had typed it."""
    page.goto("/painel/disparos/novo")
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"id_fatura\n11000\n70215\n"}
    page.get_by_label("ou um arquivo CSV").set_input_files(file)
    page.get_by_role("button", name="Simular").click()
    expect(page.locator("#simulacao")).to_be_visible()
    house.fetch("DELETE FROM panel_sessions")
    page.get_by_role("button", name="Enviar").click()
    expect(page.get_by_text("o que você pediu por último não foi feito")).to_be_visible()
    sign_in(page, account)
    expect(page.get_by_label("Números das faturas")).to_have_value("11000\n70215")
    assert house.value("SELECT count(*) FROM dispatches") == 0
    page.get_by_role("link", name="Descadastros").click()
    page.goto("/painel/disparos/novo")
    expect(page.get_by_label("Números das faturas")).to_have_value("")


def test_so_is_what_a_page_of_an_earlier_session_sent(house, account, page):
    """Somebody signed out and in again in another tab: the button leads back to what was typed."""
    page.goto("/painel/clientes-api")
    page.get_by_label("Nome do programa", exact=True).fill("robô")
    with page.context.expect_page() as opened:
        page.evaluate("open('/painel')")
    other = opened.value
    other.get_by_role("button", name="Sair").click()
    sign_in(other, account)
    expect(other.get_by_role("heading", name="Início")).to_be_visible()
    other.close()
    page.get_by_role("button", name="Criar", exact=True).click()
    expect(page.get_by_text("o formulário era de uma sessão anterior")).to_be_visible()
    page.get_by_role("link", name="Voltar", exact=True).click()
    expect(page.get_by_label("Nome do programa", exact=True)).to_have_value("robô")
    assert house.value("SELECT count(*) FROM api_clients WHERE name = 'robô'") == 0


def test_light_or_dark_takes_nothing_of_it(page):
    page.goto("/painel/disparos/novo")
    page.get_by_label("Números das faturas").fill("11000\n70215")
    page.get_by_role("button", name="Escuro").click()
    expect(page.get_by_role("button", name="Escuro", pressed=True)).to_be_visible()
    expect(page.get_by_label("Números das faturas")).to_have_value("11000\n70215")
    page.reload()
    expect(page.get_by_label("Números das faturas")).to_have_value("")
