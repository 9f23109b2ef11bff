"""What people with bad intentions try at the panel, one test each, by plain HTTP."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from tests.support.house import House
from tests.support.house import house as run_house
from tests.support.rows import add_messages
from tests.support.visitor import Visitor, visitor

from disparo.auth.tokens import digest
from disparo.panel.access import csrf_of

BURST = 15


@pytest.fixture(scope="module")
def house(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    limits = {"DISPARO_TOKEN_RATE_PER_MIN": "0.1", "DISPARO_TOKEN_RATE_BURST": str(BURST)}
    with run_house(new_database(), tmp_path_factory.mktemp("house"), overrides=limits) as house:
        yield house


def test_signing_in_and_what_the_cookie_allows(house):
    account = house.account(permissions=("send",))
    person = Visitor(house)
    answer = person.sign_in(account["username"], depois="/painel/disparos?tipo=bulk")
    assert (answer.status, answer.headers["location"]) == (303, "/painel/disparos?tipo=bulk")
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert person.get("/painel/disparos").status == 200
    stored = house.value("SELECT token_sha256 FROM panel_sessions s JOIN users u ON u.id = s.user_id "
                         "WHERE u.email = $1", account["username"])  # fmt: skip
    assert stored == digest(person.cookies["painel"])


def test_session_fixation(house):
    """A token that somebody planted before the sign-in is worth nothing after it."""
    account = house.account(permissions=("send",))
    victim = Visitor(house)
    victim.cookies["painel"] = planted = "A" * 43
    assert victim.sign_in(account["username"]).status == 303
    assert victim.cookies["painel"] != planted
    thief = Visitor(house)
    thief.cookies["painel"] = planted
    assert thief.get("/painel").status == 303


@pytest.mark.parametrize(
    ("meanwhile", "status"),
    [
        ("DELETE FROM panel_sessions WHERE token_sha256 = $1", 303),
        (
            "UPDATE users u SET permissions = '{send}' FROM panel_sessions s "
            "WHERE s.user_id = u.id AND s.token_sha256 = $1",
            403,
        ),
    ],
)
def test_a_form_that_comes_after_its_person_was_shut_out_does_nothing(house, meanwhile, status):
    """Begun while they might; a byte now and then would keep it on its way for weeks."""
    person, number = visitor(house), "5511988880303"
    house.fetch("INSERT INTO opt_outs (e164, reason, actor) VALUES ($1, 'asked', 'x') "
                "ON CONFLICT DO NOTHING", f"+{number}")  # fmt: skip
    body = f"csrf={person.csrf}&telefone={number}".encode()
    parts = urlsplit(house.stage.base)
    call = http.client.HTTPConnection(parts.hostname, parts.port, timeout=40)
    call.putrequest("POST", "/painel/descadastros/remover")
    call.putheader("Cookie", f"painel={person.cookies['painel']}")
    call.putheader("Content-Type", "application/x-www-form-urlencoded")
    call.putheader("Content-Length", str(len(body)))
    call.endheaders(body[:5])
    time.sleep(1.5)  # they are let in, and a form that is quick is not looked at again
    house.fetch(meanwhile, digest(person.cookies["painel"]))
    call.send(body[5:])
    assert call.getresponse().status == status
    assert house.value("SELECT count(*) FROM opt_outs WHERE e164 = $1", f"+{number}") == 1


def test_a_second_sign_in_ends_the_first_session_of_that_browser(house):
    account = house.account(permissions=("send",))
    person, old = Visitor(house), Visitor(house)
    person.sign_in(account["username"])
    old.cookies = dict(person.cookies)
    assert person.sign_in(account["username"]).status == 303
    assert old.get("/painel").status == 303
    assert person.get("/painel").status == 200


@pytest.mark.parametrize("token", ["", "0" * 64, "é", "x" * 5000])
def test_forged_forms_do_nothing(house, token):
    person = visitor(house)
    before = house.value("SELECT count(*) FROM opt_outs")
    answer = person.post("/painel/descadastros", csrf=token, telefone="11977776666")
    assert answer.status == 403
    assert "Nada foi feito" in answer.raw.decode()
    other = visitor(house)
    assert person.post("/painel/descadastros", csrf=other.csrf, telefone="11977776666").status == 403
    assert house.value("SELECT count(*) FROM opt_outs") == before


def test_a_form_from_another_site_does_nothing_even_with_the_token(house):
    person = visitor(house)
    for site in ("cross-site", "same-site"):  # which another name of the same domain is
        sent = person.post("/painel/descadastros", headers={"Sec-Fetch-Site": site}, telefone="11977776666")
        assert sent.status == 403, site


@pytest.mark.parametrize("cookies", [{}, {"painel": ""}])
def test_no_other_site_signs_a_browser_in_under_an_account_of_its_own(house, cookies):
    """By http browsers do not say where a form comes from: it comes without the cookie, and that is told."""
    account = house.account(permissions=("send",))
    victim = Visitor(house)
    victim.cookies, victim.csrf = cookies, csrf_of("")
    answer = victim.post("/painel/entrar", email=account["username"], senha=account["password"])
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


def test_every_form_asks_for_the_token(house):
    """No route that changes anything answers without one."""
    person = visitor(house)
    for path in forms():
        answer = person.call(
            "POST", path, "telefone=1", headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answer.status == 403, path


def forms() -> list[str]:
    from disparo.panel.app import routes

    found = [route.path for route in routes() if "POST" in route.methods and route.path != "/painel/entrar"]
    assert len(found) > 25
    return [re.sub(r"\{\w+\}", "1", path) for path in found]


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/painel//evil.example",
        "/painel@evil.example",
        "javascript:alert(1)",
        "/painel/../../x\r\nSet-Cookie: a=b",
        "/saude",
    ],
)
def test_open_redirect(house, onward):
    person = visitor(house)
    answer = person.post("/painel/tema", tema="dark", depois=onward)
    assert (answer.status, answer.headers["location"]) == (303, "/painel")


def raw_get(house: House, path: str) -> tuple[int, bytes]:
    parts = urlsplit(house.stage.base)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize(
    "path",
    ["../app.py", "..%2fapp.py", "%2e%2e/%2e%2e/settings.py", "....//app.py", "vendor/../../app.py",
     "/etc/passwd", "%00", "tabler.min.css", "painel.css%00.js", "..\\app.py", "a" * 3000],
)  # fmt: skip
def test_path_traversal(house, path):
    status, body = raw_get(house, f"/painel/estatico/{path}")
    assert status == 404
    assert b"import" not in body
    assert b"root:" not in body


def test_clickjacking_and_what_else_headers_forbid(house):
    person = visitor(house)
    for path in ("/painel", "/painel/entrar", "/painel/nada", "/painel/disparos/novo", "/"):
        headers = person.get(path).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"


def test_pages_hold_no_script_and_no_style_of_their_own_and_are_kept_by_no_cache(house):
    person = visitor(house)
    for path in ("/painel", "/painel/modelo", "/painel/usuarios", "/painel/plataformas"):
        answer = person.get(path)
        page = answer.raw.decode()
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", page), path


EVIL = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>{{7*7}}'"


def test_stored_xss_through_a_customers_name(house):
    house.fetch("UPDATE customers SET name = $1 WHERE id = 3113", EVIL)
    client = house.client(permissions=("send",))
    assert client.send({"id_fatura": 70220}).status == 200
    house.until(
        lambda: house.value("SELECT count(*) FROM messages WHERE status = 'delivered' AND name = $1", EVIL)
    )
    message_id = house.value("SELECT max(id) FROM messages WHERE name = $1", EVIL)
    person = visitor(house)
    for path in (
        "/painel/mensagens",
        f"/painel/mensagens/{message_id}",
        "/painel/buscar?q=3113",
        "/painel/modelo",
    ):
        page = person.get(path).raw.decode()
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
    assert "&lt;script&gt;alert(1)" in person.get(f"/painel/mensagens/{message_id}").raw.decode()


def test_stored_xss_through_what_a_platform_sends(house):
    client = house.client(permissions=("send",))
    house.behave(receipts=[])
    client.send({"id_fatura": 11000})
    reference = house.until(
        lambda: house.value("SELECT reference FROM messages WHERE invoice_id = 11000 AND status = 'accepted'")
    )
    house.behave(receipts=["sent", "delivered"])
    receipt = {"reference": reference, "status": "delivered", "code": EVIL, "carrier": EVIL, "texto": EVIL}
    assert house.anonymous.post("/webhook/simulador/ensaio", receipt).status == 200
    message_id = house.until(
        lambda: house.value(
            "SELECT id FROM messages WHERE reference = $1 AND status = 'delivered'", reference
        )
    )
    page = visitor(house).post(f"/painel/mensagens/{message_id}/confirmacoes").raw.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_stored_xss_through_what_a_customer_answers(house):
    client = house.client(permissions=("send",))
    client.send({"id_fatura": 50949})
    ask = "SELECT id FROM messages WHERE invoice_id = 50949 AND status = 'delivered'"
    message_id = house.until(lambda: house.value(ask))
    house.fetch(
        """INSERT INTO inbound_texts (platform, digest, e164, message_id, text, opted_out, raw)
           SELECT 'simulador', '\\x00', e164, id, $2, true, '' FROM messages WHERE id = $1""",
        message_id,
        EVIL,
    )
    person = visitor(house)
    hidden = person.get(f"/painel/mensagens/{message_id}").raw.decode()
    assert "pediu para não receber mais" in hidden
    assert "alert(1)" not in hidden
    shown = person.post(f"/painel/mensagens/{message_id}/texto").raw.decode()
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown


def test_what_is_searched_for_is_shown_as_text(house):
    from urllib.parse import quote

    page = visitor(house).get(f"/painel/buscar?q={quote(EVIL + 'zz')}").raw.decode()
    assert "<script>alert" not in page
    assert "49" not in re.findall(r"Nada encontrado para[^<]*", page)[0]


def test_a_user_who_is_shut_out_or_has_another_password_is_out_at_once(house):
    admin, other = visitor(house), visitor(house, ("send",))
    user_id = house.value("SELECT max(id) FROM users")
    assert admin.post(f"/painel/usuarios/{user_id}/desativar").status == 303
    assert other.get("/painel").status == 303
    assert "não entra com senha nenhuma" in admin.post(f"/painel/usuarios/{user_id}/senha").raw.decode()
    third = visitor(house, ("send",))
    user_id = house.value("SELECT max(id) FROM users")
    shown = admin.post(f"/painel/usuarios/{user_id}/senha").raw.decode()
    assert re.search(r"<code class=\"fs-2\">\w{5}-\w{5}-\w{5}-\w{5}</code>", shown)
    assert "não entra com senha nenhuma" not in shown
    assert third.get("/painel").status == 303


def test_sessions_run_out(house):
    for change in ("seen_at = now() - interval '9 hours'", "created_at = now() - interval '8 days'"):
        person = visitor(house)
        house.fetch(
            f"UPDATE panel_sessions SET {change} WHERE token_sha256 = $1", digest(person.cookies["painel"])
        )
        answer = person.get("/painel/disparos")
        assert (answer.status, answer.headers["location"]) == (303, "/painel/entrar?depois=/painel/disparos")


def test_what_renews_itself_keeps_no_session_alive(house):
    person = visitor(house)
    token = digest(person.cookies["painel"])
    house.fetch(
        "UPDATE panel_sessions SET seen_at = now() - interval '1 hour' WHERE token_sha256 = $1", token
    )
    ask = "SELECT seen_at < now() - interval '30 minutes' FROM panel_sessions WHERE token_sha256 = $1"
    assert person.get("/painel/hoje", **{"HX-Request": "true", "HX-Trigger": "auto-hoje"}).status == 200
    assert house.value(ask, token)
    assert person.get("/painel").status == 200
    assert not house.value(ask, token)


def test_a_page_of_progress_keeps_no_session_alive_and_tells_nothing_once_it_has_ended(house):
    house.run(lambda connection: add_messages(connection, 1, first_id=8_000_000, due_in_s=86_400))
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE invoice_id = 8000000")
    person = visitor(house)
    token = digest(person.cookies["painel"])
    house.fetch(
        "UPDATE panel_sessions SET seen_at = now() - interval '1 hour' WHERE token_sha256 = $1", token
    )
    request = Request(f"{house.stage.base}/painel/disparos/{dispatch_id}/progresso")
    request.add_header("Cookie", f"painel={person.cookies['painel']}")
    request.add_header("Accept", "text/event-stream")
    with urlopen(request, timeout=10) as stream:
        assert stream.readline() == b"event: progresso\n"
        ask = "SELECT seen_at < now() - interval '30 minutes' FROM panel_sessions WHERE token_sha256 = $1"
        assert house.value(ask, token)
        house.fetch("DELETE FROM panel_sessions WHERE token_sha256 = $1", token)
        assert b"event: " not in stream.read()


def test_brute_force(house):
    """Guessing is slowed down by address and by name, and a wrong password looks like an unknown user."""
    account = house.account(permissions=("admin",))
    house.fetch("DELETE FROM rate_limits")
    guesser = Visitor(house)
    wrong = guesser.sign_in(account["username"], "errada")
    unknown = guesser.sign_in("ninguem@example.com", "errada")
    assert wrong.status == unknown.status == 422
    plain = re.compile(rb'value="[^"]*@[^"]*"')
    assert plain.sub(b"", wrong.raw) == plain.sub(b"", unknown.raw)
    answers = [guesser.post("/painel/entrar", email=account["username"], senha=str(n)) for n in range(BURST)]
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Espere" in answers[-1].raw.decode()
    assert guesser.post("/painel/entrar", email=account["username"], senha=account["password"]).status == 429
    assert house.value("SELECT count(*) FROM audit_log WHERE action = 'sign_in_refused'") >= 1
    house.fetch("DELETE FROM rate_limits")


@pytest.mark.parametrize("kind", ["idna", "punycode", "undefined", "nonsense", "base64", "utf-16", None])
def test_a_form_in_a_charset_that_is_none_is_no_fault_of_ours(house, kind):
    person = Visitor(house)
    person.get("/painel/entrar")
    body = b'--b\r\nContent-Disposition: form-data; name="e"\r\n\r\nxn--a\r\n--b--\r\n'
    boundary = f"; boundary=b; charset={kind}" if kind else ""
    answer = person.call("POST", "/painel/entrar", body, {"Content-Type": f"multipart/form-data{boundary}"})
    # Whether "xn--a" can be read as these two differs from one Python to the next.
    either = {400, 403} if kind in ("idna", "punycode") else {400 if kind in ("undefined", None) else 403}
    assert answer.status in either
    if answer.status == 400:
        assert "O pedido não pôde ser lido." in answer.raw.decode()


@pytest.mark.parametrize("path", ["/painel/senha", "/painel/importar"])
def test_half_a_character_is_nothing_that_a_form_can_hold(house, path):
    person = visitor(house)
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    fields = {"csrf": person.csrf, "senha_nova": r"\ud800" * 8, "tipo": "clientes"}
    body = "".join(part.format(*each) for each in fields.items())
    body += part.format(r'arquivo"; filename="\ud800.csv', "id_cliente;nome") + "--b--\r\n"
    kind = "multipart/form-data; boundary=b; charset=unicode_escape"
    answer = person.call("POST", path, body.encode(), {"Content-Type": kind})
    assert (answer.status, "O pedido não pôde ser lido." in answer.raw.decode()) == (400, True)


@pytest.mark.parametrize(
    "path",
    [
        "disparos/{uuid}/mensagens.csv",
        "clientes-api/77777/tokens",
        "usuarios/77777/tokens",
        "mensagens/77777/texto",
        "mensagens/77777/confirmacoes",
    ],
)
def test_of_what_there_is_not_nothing_is_done_nor_said_to_be(house, path):
    person, act = visitor(house), path.format(uuid=uuid4())
    before = house.value("SELECT count(*) FROM audit_log")
    answer = person.get(f"/painel/{act}") if act.endswith(".csv") else person.post(f"/painel/{act}")
    assert answer.status == 404
    assert house.value("SELECT count(*) FROM audit_log") == before
