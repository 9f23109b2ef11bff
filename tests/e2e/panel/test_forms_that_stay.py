"""Forms that stay where they are: stopped on their way, answered by a file, or changed under a simulation."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.support.rows import add_invoices
from tests.support.visitor import EVERYTHING, PASSWORD

FIRST = 8_610_001


@pytest.fixture(scope="module")
def page(house, chromium):
    house.run(lambda connection: add_invoices(connection, 2, first_id=FIRST))
    account = house.account(permissions=EVERYTHING)
    with chromium.new_context(base_url=house.stage.base, locale="pt-BR") as context:
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto("/painel/disparos/novo")
        page.get_by_label("E-mail").fill(account["username"])
        page.get_by_label("Senha").fill(PASSWORD)
        page.get_by_role("button", name="Entrar").click()
        expect(page.get_by_role("heading", name="Novo disparo")).to_be_visible()
        yield page


def stop_on_the_way(page, address, button):
    """Press a button, and stop before there is an answer, as Esc and the browser's own button do."""
    page.route(address, lambda _route: None)
    with page.expect_request(address):
        button.click(no_wait_after=True)
    page.context.new_cdp_session(page).send("Page.stopLoading")
    page.unroute(address)


def test_who_is_left_out_can_be_had_twice(page):
    page.goto("/painel/disparos/novo")
    page.get_by_label("Números das faturas").fill(f"{FIRST} 8619999")
    page.get_by_role("button", name="Simular").click()
    button = page.get_by_role("button", name="Baixar quem fica de fora")
    for _ in range(2):
        with page.expect_download() as got:
            button.click()
        assert got.value.suggested_filename == "fora-do-disparo.csv"
    expect(page.locator(".btn-loading")).to_have_count(0)


def test_a_form_that_was_stopped_can_be_put_right_and_sent(page):
    page.goto("/painel/disparos/novo")
    page.get_by_label("Números das faturas").fill(str(FIRST))
    button = page.get_by_role("button", name="Simular")
    stop_on_the_way(page, "**/painel/disparos/novo", button)
    expect(page.locator(".btn-loading")).to_have_count(0)
    page.get_by_label("Números das faturas").fill(str(FIRST + 1))
    button.click()
    expect(page.locator("#simulacao")).to_contain_text(f"fatura {FIRST + 1}")


def test_the_progress_of_a_dispatch_goes_on_when_a_form_was_stopped(house, page):
    house.pause()
    page.goto(f"/painel/disparos/novo?faturas={FIRST}")
    page.get_by_role("button", name="Simular").click()
    with page.expect_request("**/progresso**"):
        page.get_by_role("button", name="Enviar").click()
    with page.expect_request("**/progresso**"):
        stop_on_the_way(page, "**/cancelar", page.get_by_role("button", name="Cancelar o que ainda"))
    page.get_by_role("button", name="Cancelar o que ainda").click()
    expect(page.get_by_role("status")).to_contain_text("1 mensagem cancelada.")
    house.resume()


def test_a_list_that_was_changed_under_its_simulation_is_not_sent_as_it_was(house, page):
    page.goto("/painel/disparos/novo")
    invoices = page.get_by_label("Números das faturas")
    invoices.fill(f"{FIRST}\n{FIRST + 1}")
    page.get_by_role("button", name="Simular").click()
    send, told = (
        page.get_by_role("button", name="Enviar 2 SMS"),
        page.get_by_text("já não é o que foi simulado"),
    )
    page.get_by_label("Preço de um segmento").fill("0,08")  # changes nothing of what goes
    expect(send).to_be_enabled()
    invoices.fill(str(FIRST))
    expect(send).to_be_disabled()
    expect(told).to_be_visible()
    invoices.fill(f"{FIRST}\n{FIRST + 1}")
    expect(send).to_be_enabled()
    expect(told).to_be_hidden()
    page.get_by_label("ou vencimento de").fill("2026-11-01")
    expect(send).to_be_disabled()


def test_numbers_beside_a_file_that_lacks_them_are_not_left_out_unsaid(page):
    page.goto("/painel/disparos/novo")
    invoices, file = page.get_by_label("Números das faturas"), page.get_by_label("ou um arquivo CSV")
    content = f"id_fatura\n{FIRST}\n".encode()
    for typed, said in ((FIRST + 1, "que não estão no arquivo: deixe só um dos dois."), (FIRST, "Simulação")):
        invoices.fill(str(typed))
        file.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": content})
        page.get_by_role("button", name="Simular").click()
        expect(page.get_by_text(said)).to_be_visible()
        expect(invoices).to_have_value(str(typed))
