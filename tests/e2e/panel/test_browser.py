"""The panel in a real browser: what a clerk does, what an administrator does, and what nobody should see."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.support import bulk
from tests.support.house import House
from tests.support.house import house as run_house
from tests.support.rows import add_invoices
from tests.support.visitor import EVERYTHING, PASSWORD

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def house(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With enough invoices for a list whose progress can be watched."""
    with run_house(new_database(), tmp_path_factory.mktemp("house")) as house:
        house.run(lambda connection: add_invoices(connection, 600, first_id=900_001))
        yield house


@pytest.fixture(scope="module")
def browser(house: House, chromium: Browser) -> SimpleNamespace:
    """One browser, signed in once by its form; `asked` are all addresses that it ever asked for."""
    account = house.account(permissions=EVERYTHING)
    house.fetch("UPDATE users SET name = 'Ana Souza' WHERE email = $1", account["username"])
    context = chromium.new_context(base_url=house.stage.base, locale="pt-BR")
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto("/painel/disparos")
    page.get_by_label("E-mail").fill(account["username"])
    page.get_by_label("Senha").fill(PASSWORD)
    page.get_by_role("button", name="Entrar").press("Enter")
    expect(page).to_have_url(f"{house.stage.base}/painel/disparos")
    page.close()
    return SimpleNamespace(context=context, asked=asked, playwright=chromium)


class Tab:
    """One that says yes to whatever is asked, and remembers what went wrong on its pages."""

    def __init__(self, browser: SimpleNamespace) -> None:
        self.page: Page = browser.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.page.on("dialog", lambda dialog: dialog.accept())


@pytest.fixture(scope="module")
def _shared(browser: SimpleNamespace) -> Tab:
    return Tab(browser)


@pytest.fixture
def page(_shared: Tab) -> Iterator[Page]:
    """The tab of all who change nothing of the tab itself: each that is opened costs half a second of CPU."""
    _shared.faults.clear()
    yield _shared.page
    assert _shared.faults == []


@pytest.fixture
def own_page(browser: SimpleNamespace) -> Iterator[Page]:
    tab = Tab(browser)
    yield tab.page
    tab.page.close()
    assert tab.faults == []


def dispatch(page: Page, invoices: str, *, to_the_end: bool = True) -> None:
    page.goto("/painel/disparos/novo")
    page.get_by_label("Números das faturas").fill(invoices)
    page.get_by_role("button", name="Simular").click()
    page.get_by_role("button", name="Enviar").click()
    expect(page.get_by_role("heading", name="Andamento")).to_be_visible()
    if to_the_end:
        expect(page.locator("[data-progress]")).to_have_count(0, timeout=20_000)


def test_search_by_phone_to_a_delivered_message(house, page):
    dispatch(page, "11000")
    house.until(lambda: house.value("SELECT count(*) FROM messages WHERE status = 'delivered'") == 1)
    page.goto("/painel")
    page.get_by_role("searchbox").fill("+55 (37) 99993-1412")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("link", name="Abrir").first.click()
    expect(page.get_by_text("Chegou ao celular do cliente.")).to_be_visible()
    expect(page.get_by_text("confirmação: entregue no aparelho")).to_be_visible()
    expect(page.get_by_text("sua fatura de R$ 99,90")).to_have_count(0)
    page.get_by_role("button", name="Mostrar o texto").click()
    expect(page.get_by_text("sua fatura de R$ 99,90")).to_be_visible()


def test_a_list_is_simulated_then_sent_and_its_progress_moves_until_it_ends(house, page):
    house.behave(mode="throttle", every=2)  # it cannot be over before it was seen to move
    page.goto("/painel/disparos/novo")
    page.get_by_label("Números das faturas").fill("\n".join(str(900_001 + n) for n in range(500)) + "\n77")
    page.get_by_label("Preço de um segmento").fill("0,08")
    page.get_by_role("button", name="Simular").click()
    run = page.locator("#simulacao")
    expect(run).to_contain_text("R$ 40,00")
    expect(run).to_contain_text("1 fatura não está no cadastro")
    page.get_by_role("button", name="Enviar 500 SMS").click()
    house.until(lambda: house.value("SELECT count(*) FROM messages") >= 500)
    house.run(bulk.open_now)  # at night it would wait for the morning
    bar, seen = page.get_by_role("progressbar"), set()

    def has_moved():
        seen.add(bar.get_attribute("value"))
        return len(seen) > 1

    house.until(has_moved)
    assert "500" not in seen
    house.behave(mode="accept")
    expect(page.get_by_text("Tudo o que havia para enviar já saiu.")).to_be_visible(timeout=60_000)


def test_cancelling_a_dispatch_in_the_middle(house, page):
    house.pause()
    dispatch(page, "900501 900502", to_the_end=False)
    expect(page.get_by_text("2 agendadas")).to_be_visible()
    house.put_off(house.value("SELECT dispatch_id FROM messages WHERE invoice_id = 900502"), 2)
    page.get_by_role("button", name="Cancelar o que ainda não saiu").click()
    expect(page.get_by_role("status")).to_contain_text("2 mensagens canceladas.")
    house.resume()


def test_settling_an_uncertain_message(house, page):
    house.behave(mode="drop", receipts=[])
    dispatch(page, "900503")
    house.until(lambda: house.value("SELECT count(*) FROM messages WHERE status = 'uncertain'") == 1)
    house.behave(mode="accept")
    page.goto("/painel")
    page.get_by_role("link", name="Resolver").click()
    page.get_by_label("Marcar a mensagem").check()
    page.get_by_role("button", name="Dar como enviadas").click()
    expect(page.get_by_role("status")).to_contain_text("1 mensagem dada como enviada.")
    assert house.value("SELECT count(*) FROM messages WHERE status = 'uncertain'") == 0


def test_pausing_a_platform_and_using_it_again(page):
    page.goto("/painel/plataformas")
    page.get_by_role("button", name="Pausar").click()
    expect(page.get_by_text("pausada", exact=True)).to_be_visible()
    page.goto("/painel")
    expect(page.get_by_role("heading", name="Plataforma simulador pausada")).to_be_visible()
    page.get_by_role("link", name="Ver e retomar").click()
    page.get_by_role("button", name="Retomar").click()
    expect(page.get_by_text("em uso", exact=True)).to_be_visible()
    page.get_by_label("SMS de teste para").fill("11 98888-7777")
    page.get_by_role("button", name="Enviar teste").click()
    expect(page.get_by_role("status")).to_contain_text("Teste: a plataforma aceitou")


def test_the_template_is_previewed_while_it_is_written_and_counts_for_the_next_sms(house, page):
    page.goto("/painel/modelo")
    page.get_by_label("Com os dados da fatura").fill("900504")
    words = page.get_by_label("Texto que todo cliente recebe")
    words.fill("{marca}: pague {valor} ate {vencimento}. {pagamento}")
    expect(page.locator("#previa")).to_contain_text("ENSAIO: pague R$ 99,90 ate")
    expect(page.locator("#previa")).to_contain_text("1 segmento")
    words.fill("{marca}: pague {valor} ate {vencimento}. " + "blá " * 40)
    expect(page.locator("#previa")).to_contain_text("3 segmentos")
    expect(page.locator("#previa")).to_contain_text("O texto tem acentos")
    words.fill("{valor} {vencimento} {nada}")
    expect(page.locator("#previa")).to_contain_text("que não existe")
    words.fill("{marca}: pague {valor} ate {vencimento}. {pagamento}")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_role("status")).to_contain_text("Modelo salvo")
    dispatch(page, "900504")
    house.until(lambda: house.received("900504"))
    assert house.received("900504")[0]["text"].startswith("ENSAIO: pague R$ 99,90 ate")


def test_the_audit_shows_who_did_all_that(page):
    page.goto("/painel/auditoria")
    shown = page.locator("table").inner_text()
    for act in (
        "entrou no painel",
        "criou um disparo",
        "viu o texto de uma mensagem",
        "cancelou um disparo",
        "deu como enviada",
        "pausou uma plataforma",
        "retomou uma plataforma",
        "enviou um SMS de teste",
        "mudou o modelo do SMS",
    ):
        assert act in shown, act


def test_a_file_is_looked_over_its_columns_put_right_and_stored(house, page):
    lines = "Registro;Nome;Celular\n82001;ANA LIMA;37999931412\n82002;;37999931413\n"
    file = {"name": "clientes.csv", "mimeType": "text/csv", "buffer": lines.encode()}
    page.goto("/painel/importar")
    page.get_by_label("O que está no arquivo").select_option(label="Clientes")
    page.get_by_label("Arquivo", exact=True).set_input_files(file)
    page.get_by_role("button", name="Conferir", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Não achei no arquivo esta coluna: id_cliente.")
    keep_picture(page, "/painel/importar/colunas", "light")
    page.get_by_label("A coluna Registro entra como").select_option("id_cliente")
    page.get_by_role("button", name="Conferir de novo").click()
    expect(page.get_by_text("linha 3: nome está vazio")).to_be_visible()
    keep_picture(page, "/painel/importar/conferido", "light")
    with page.expect_download() as refused:
        page.get_by_role("button", name="Linhas com erro (CSV)").click()
    assert "82002;;37999931413;3;nome está vazio" in refused.value.path().read_text("utf-8-sig")
    assert house.value("SELECT count(*) FROM customers WHERE id = 82001") == 0
    page.get_by_role("button", name="Gravar 1 linha").click()
    expect(
        page.get_by_text("1 linha gravada de clientes.csv. 1 linha ficou de fora: veja abaixo.")
    ).to_be_visible()
    keep_picture(page, "/painel/importar/gravado", "light")
    assert house.value("SELECT name FROM customers WHERE id = 82001") == "ANA LIMA"


PAGES = (
    "/painel",
    "/painel/buscar?q=12025",
    "/painel/buscar?q=nada",
    "/painel/disparos",
    "/painel/disparos/novo?faturas=11000",
    "/painel/mensagens",
    "/painel/mensagens/1",
    "/painel/incertas",
    "/painel/retidas",
    "/painel/plataformas",
    "/painel/respostas",
    "/painel/descadastros",
    "/painel/importar",
    "/painel/modelo",
    "/painel/usuarios",
    "/painel/clientes-api",
    "/painel/auditoria",
    "/painel/entrar",
)


def keep_picture(page: Page, path: str, theme: str) -> None:
    """Renew the pictures of the documentation, where DISPARO_SCREENSHOTS names its folder."""
    folder = os.environ.get("DISPARO_SCREENSHOTS")
    if folder:
        name = path.partition("?")[0].removeprefix("/painel").strip("/").replace("/", "-") or "inicio"
        name = "disparos-lote" if len(name) > 40 else name  # the one with a long id in its address
        page.wait_for_timeout(400)
        page.screenshot(path=Path(folder) / f"{name}-{theme}.png")


_SERIOUS = "r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact))"
_SHORT = ".map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 160), v.nodes[0].failureSummary.slice(0, 200)])"


@pytest.fixture
def _everything_that_can_be_wrong(house: House) -> Iterator[None]:
    """Pages with their warnings on: an uncertain and a held message, a paused platform."""
    house.fetch("UPDATE messages SET status = 'uncertain' WHERE id = 2")
    house.fetch("UPDATE messages SET status = 'held', reason = 'poison' WHERE id = 3")
    house.fetch("UPDATE platform_states SET paused_by = 'cli:root', paused_at = now()")
    yield
    house.fetch("UPDATE platform_states SET paused_by = NULL")
    house.fetch("UPDATE messages SET status = 'delivered' WHERE id IN (2, 3)")


@pytest.mark.usefixtures("_everything_that_can_be_wrong")
@pytest.mark.parametrize(("theme", "width", "every"), [("light", 1280, 1), ("dark", 390, 3)])
def test_axe_finds_no_serious_violation_and_no_page_is_wider_than_the_screen(
    house, browser, theme, width, every
):
    page = browser.context.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)
    whole = house.value("SELECT id::text FROM dispatches WHERE kind = 'bulk' ORDER BY created_at LIMIT 1")
    for path in (*PAGES[::every], f"/painel/disparos/{whole}"):
        page.goto(path)
        keep_picture(page, path, theme)
        page.evaluate(AXE)
        found = page.evaluate(f"axe.run(document, {{resultTypes: ['violations']}}).then({_SERIOUS}{_SHORT})")
        assert found == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.close()


def test_the_menu_and_a_form_work_without_a_mouse(own_page):
    own_page.set_viewport_size({"width": 390, "height": 844})
    own_page.goto("/painel")
    menu = own_page.get_by_role("button", name="Menu")
    menu.focus()
    own_page.keyboard.press("Enter")
    expect(menu).to_have_attribute("aria-expanded", "true")
    own_page.get_by_role("link", name="Buscar").focus()
    own_page.keyboard.press("Enter")
    expect(own_page.get_by_role("searchbox")).to_be_focused()


def test_the_menu_is_open_on_a_phone_without_script(house, browser):
    context = browser.playwright.new_context(
        base_url=house.stage.base,
        java_script_enabled=False,
        storage_state=browser.context.storage_state(),
        viewport={"width": 390, "height": 844},
    )
    page = context.new_page()
    page.goto("/painel/plataformas")
    expect(page.get_by_role("button", name="Menu")).to_be_hidden()
    expect(page.get_by_role("button", name="Copiar")).to_be_hidden()
    page.get_by_role("link", name="Buscar").click()
    expect(page.get_by_role("heading", name="Buscar", exact=True)).to_be_visible()
    context.close()


@pytest.mark.parametrize("with_clipboard", [True, False])
def test_copying_works_over_plain_http_too(house, browser, own_page, with_clipboard):
    if with_clipboard:
        browser.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=house.stage.base)
    else:  # as browsers have it over plain HTTP to any other machine
        own_page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    own_page.goto("/painel/plataformas")
    own_page.get_by_role("button", name="Copiar").click()
    expect(own_page.get_by_role("button", name="Copiado")).to_be_visible()
    own_page.goto("/painel/buscar")
    own_page.get_by_role("searchbox").focus()
    own_page.keyboard.press("Control+V")
    expect(own_page.get_by_role("searchbox")).to_have_value(re.compile("/webhook"))


def test_names_and_receipts_with_markup_stay_text(house, page):
    evil = "<img src=x onerror=\"document.title='tomado'\"><script>document.title='tomado'</script>"
    house.fetch("UPDATE customers SET name = $1 WHERE id = 3109", evil)
    dispatch(page, "70216")
    page.goto("/painel/buscar?q=3109")
    expect(page.get_by_text(evil).first).to_be_visible()
    page.get_by_role("link", name="Abrir").first.click()
    expect(page.get_by_text(evil).first).to_be_visible()
    assert "tomado" not in page.title()


def test_going_back_after_a_send_asks_nothing_and_keeps_what_was_chosen(page):
    dispatch(page, "70215")
    page.go_back()
    expect(page.get_by_label("Números das faturas")).to_have_value("70215")
    expect(page.locator("#simulacao")).to_have_count(0)
    page.goto("/painel/disparos/novo?de=2026-01-02&ate=2026-01-03&preco=0,08")
    page.get_by_role("button", name="Simular").click()
    expect(page.locator("#simulacao")).to_be_visible()
    page.reload()
    expect(page.locator("#simulacao")).to_have_count(0)
    expect(page.get_by_label("ou vencimento de")).to_have_value("2026-01-02")
    expect(page.get_by_label("Preço de um segmento")).to_have_value("0,08")


def test_reloading_what_a_form_answered_does_it_no_second_time(house, page):
    page.goto("/painel/usuarios")
    page.get_by_label("E-mail").fill("uma.vez@example.com")
    page.get_by_role("button", name="Criar").click()
    expect(page.get_by_text("uma.vez@example.com").first).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Usuários", exact=True)).to_be_visible()
    page.goto("/painel/mensagens/1")
    page.get_by_role("button", name="Mostrar o texto").click()
    expect(page.get_by_role("button", name="Mostrar o texto")).to_have_count(0)
    seen = "SELECT count(*) FROM audit_log WHERE action = 'text_viewed'"
    before = house.value(seen)
    page.reload()
    expect(page.get_by_role("button", name="Mostrar o texto")).to_be_visible()
    assert house.value(seen) == before


def test_no_request_ever_left_the_host(house, browser):
    assert len(browser.asked) > 50
    assert {url for url in browser.asked if not url.startswith((house.stage.base + "/", "data:"))} == set()


def signed_in_elsewhere(context: BrowserContext) -> dict[str, str]:
    return {cookie["name"]: cookie["value"] for cookie in context.cookies()}


def test_signing_out_ends_the_session(browser):
    cookies = signed_in_elsewhere(browser.context)
    page = browser.context.new_page()
    page.goto("/painel")
    page.get_by_role("button", name="Sair").click()
    expect(page.get_by_role("heading", name="Entrar no painel")).to_be_visible()
    browser.context.add_cookies(
        [{"name": name, "value": value, "url": page.url} for name, value in cookies.items()]
    )
    page.goto("/painel/auditoria")
    expect(page.get_by_role("heading", name="Entrar no painel")).to_be_visible()
