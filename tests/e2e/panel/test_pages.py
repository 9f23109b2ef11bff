"""The panel's pages by plain HTTP: who may what, lists that go on, files, words where there is nothing."""

from __future__ import annotations

import csv
import gzip
import io
import re
from html import unescape
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from tests.support import bulk
from tests.support.rows import add_invoices, add_messages
from tests.support.visitor import ADMIN_PAGES, PAGES, Visitor, text, visitor


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/painel/nada", 404),
        ("/painel/mensagens/0", 404),
        ("/painel/mensagens/999999999", 404),
        ("/painel/mensagens/99999999999999999999", 404),
        ("/painel/mensagens/é", 404),
        ("/painel/mensagens/%00", 404),
        ("/painel/disparos/x", 404),
        ("/painel/disparos/00000000-0000-4000-8000-000000000000", 404),
        ("/painel/mensagens?antes=x&situacao=%00&plataforma=%00", 200),
        ("/painel/mensagens?de=2026-99-99&ate=9999-12-31", 422),
        ("/painel/disparos?antes=99999999999999999.x", 200),
        ("/painel/disparos?de=0001-01-01", 422),
        ("/painel/buscar?q=%00%ff&depois=1.1", 200),
        ("/painel/buscar?q=1&tipo=telefone&depois=9223372036854775807.1", 200),
        ("/painel/auditoria?quem=9223372036854775808&antes=-1", 200),
        ("/painel/descadastros?telefone=abc", 422),
        ("/painel/descadastros?antes=1.%00", 200),
    ],
)  # fmt: skip
def test_no_address_is_an_error_of_ours(person, path, status):
    from urllib.parse import quote

    assert person.get(quote(path, safe="/?=&%.-")).status == status


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/painel/disparos/novo", {"faturas": ""}, "Cole os números das faturas"),
        ("/painel/disparos/novo", {"faturas": "11000 onze"}, "“onze” não é um número de fatura"),
        ("/painel/disparos/novo", {"faturas": "11000", "preco": "caro"}, "O preço deve ser um valor"),
        ("/painel/disparos/novo", {"de": "2026-11-30", "ate": "2026-11-01"}, "O período está ao contrário"),
        ("/painel/disparos/novo", {"de": "30/11/2026"}, "“30/11/2026” não é um dia"),
        ("/painel/disparos", {"faturas": "11000", "disparo": "x"}, "Simule de novo"),
        (
            "/painel/disparos",
            {"faturas": "70217", "disparo": str(uuid4())},
            "A fatura não tem nenhum celular",
        ),
        ("/painel/descadastros", {"telefone": "123"}, "use DDD e número"),
        ("/painel/plataformas/simulador/testar", {"telefone": "1133334444"}, "telefone fixo"),
        ("/painel/plataformas/simulador/testar", {"telefone": "11955554444", "texto": "😀"}, "não leva"),
        ("/painel/modelo", {"modelo": "oi {valor}"}, "O modelo precisa de {valor} e {vencimento}"),
        ("/painel/modelo", {"modelo": "{valor} {vencimento} " + "x" * 1500}, "passa de 1000 caracteres"),
        ("/painel/usuarios", {"email": "nada"}, "Informe um e-mail"),
        ("/painel/clientes-api", {"nome": ""}, "Dê um nome ao programa"),
    ],
)
def test_what_cannot_be_used_is_named(person, path, fields, said):
    answer = person.post(path, **fields)
    assert answer.status == 422
    assert said in text(answer)


def test_who_ticked_nothing_is_back_at_the_list(person):
    for path, action in (("incertas", "reenviar"), ("retidas", "liberar"), ("retidas", "cancelar")):
        answer = person.post(f"/painel/{path}", acao=action)
        assert answer.status == 303
        assert "Nada foi feito: marque ao menos uma mensagem." in text(person.get(answer.headers["location"]))


@pytest.mark.parametrize(
    ("path", "referer", "back"),
    [
        ("/painel/descadastros", "{ours}/painel/descadastros?pagina=2", "/painel/descadastros?pagina=2"),
        ("/painel/descadastros", "https://example.com/painel/usuarios", "/painel/descadastros"),
        ("/painel/descadastros", "http://[", "/painel/descadastros"),
        ("/painel/plataformas/simulador/testar", "", "/painel/plataformas"),
    ],
)
def test_what_cannot_be_used_leads_back_to_where_it_was_typed(house, person, path, referer, back):
    came = {"Referer": referer.format(ours=house.stage.base)}
    page = person.post(path, headers=came, telefone="123").raw.decode()
    assert f'href="{back}">Voltar</a>' in page


def test_a_body_that_is_too_large_is_refused(person):
    answer = person.post("/painel/descadastros", telefone="1" * 100_000)
    assert answer.status == 413
    assert "grande demais" in text(answer)


def test_a_dispatch_that_is_sent_twice_is_one(house, person):
    before = house.value("SELECT count(*) FROM dispatches")
    for invoices in ("11000", "11000 50949"):
        key = str(uuid4())
        answers = [person.post("/painel/disparos", faturas=invoices, disparo=key) for _ in range(2)]
        assert answers[0].headers["location"] == answers[1].headers["location"]
    assert house.value("SELECT count(*) FROM dispatches") == before + 2


def test_invoices_come_from_a_csv_too(person):
    body = (
        f'--X\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{person.csrf}\r\n'
        '--X\r\nContent-Disposition: form-data; name="arquivo"; filename="f.csv"\r\n\r\n'
        "\ufeffnome;id_fatura\r\nANA;70215\r\nBRUNO;70216\r\n\r\n--X--\r\n"
    )
    answer = person.call(
        "POST", "/painel/disparos/novo", body, headers={"Content-Type": "multipart/form-data; boundary=X"}
    )
    assert answer.status == 200
    assert "Enviar 2 SMS" in text(answer)


def test_progress_comes_as_events_and_ends_by_itself(house, person):
    house.behave(mode="throttle")
    dispatch_id = str(uuid4())
    person.post("/painel/disparos", faturas="11000 50949", disparo=dispatch_id)
    queued = "SELECT count(*) FROM messages WHERE dispatch_id = $1"
    house.until(lambda: house.value(queued, dispatch_id))
    house.run(bulk.open_now)  # at night it would wait for the morning
    request = Request(f"{house.stage.base}/painel/disparos/{dispatch_id}/progresso")
    request.add_header("Cookie", f"painel={person.cookies['painel']}")
    with urlopen(request, timeout=30) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.readline() == b"event: progresso\n"
        house.behave(mode="accept")
        rest = stream.read().decode()
    assert "event: fim\n" in rest
    assert "Tudo o que havia para enviar já saiu." in rest


def test_lists_go_on_by_keys_and_show_everything_once(house, person):
    ids = house.run(lambda connection: add_messages(connection, 120, first_id=5_000_000, due_in_s=86_400))
    seen: list[str] = []
    path = "/painel/mensagens?situacao=queued"
    while path:
        page = person.get(path).raw.decode()
        seen += re.findall(r'href="/painel/mensagens/(\d+)"', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(following[1]) if following else ""
    assert len(seen) == len({*seen, *map(str, ids)})  # others' may come and go meanwhile
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE invoice_id = 5000000")
    page = person.get(f"/painel/disparos/{dispatch_id}").raw.decode()
    following = unescape(re.search(r'rel="next" href="([^"]+)"', page)[1])
    assert "Voltar ao começo" in person.get(following).raw.decode()


def test_a_csv_runs_nothing_in_a_spreadsheet(house, person):
    house.run(lambda connection: add_messages(connection, 5, first_id=6_000_000, due_in_s=86_400))
    names = ["=1+1", "+cmd", "-2", "@SUM(A1)", '\tx;"y"']
    for place, name in enumerate(names):
        house.fetch("UPDATE messages SET name = $2 WHERE invoice_id = $1", 6_000_000 + place, name)
    answer = person.get("/painel/mensagens.csv?situacao=queued")
    assert answer.headers["content-disposition"] == 'attachment; filename="mensagens.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig")), delimiter=";"))
    found = {row["fatura"]: row["nome"] for row in rows}
    assert [found[str(6_000_000 + place)] for place in range(5)] == [f"'{name}" for name in names]
    for path in ("/painel/auditoria.csv", "/painel/descadastros.csv"):
        assert person.get(path).raw.decode("utf-8-sig").count("\r\n") > 1


def test_a_search_finds_every_way_of_writing_a_thing(house, person):
    person.post("/painel/disparos", faturas="70216", disparo=str(uuid4()))
    house.fetch("UPDATE customers SET cpf_cnpj = '52998224725', code = 777 WHERE id = 3109")
    phones = ("11 98765-0002", "+5511987650002", "(11) 8765-0002")
    called = ("fatura 70216", "Fatura nº 70.216", "n° 70216", "Nº70216", "# 70216")
    numbers = (*called, "70216", "#70.216", "3109", "777", "529.982.247-25", "52998224725")
    for typed in (*phones, *numbers, "bruno", "Cósta"):
        from urllib.parse import quote

        assert "BRUNO COSTA" in person.get(f"/painel/buscar?q={quote(typed)}").raw.decode(), typed


def test_the_audit_names_no_phone_and_no_text(house, person):
    person.post("/painel/descadastros", telefone="11955554444")
    person.post("/painel/plataformas/simulador/testar", telefone="11955554444", texto="segredo")
    stored = str(house.fetch("SELECT * FROM audit_log"))
    assert "opt_out_added" in stored
    assert "955554444" not in stored
    assert "segredo" not in stored


def test_held_messages_are_released_and_cancelled(house, person):
    ids = house.run(lambda connection: add_messages(connection, 3, first_id=7_000_000, due_in_s=86_400))
    house.fetch("UPDATE messages SET status = 'held', reason = 'poison' WHERE id = ANY($1::bigint[])", ids)
    assert "3 mensagens retidas" in text(person.get("/painel"))
    assert "derrubou o programa de envio" in text(person.get("/painel/retidas"))
    person.post("/painel/retidas", id=ids[:2], acao="cancelar")
    person.post("/painel/retidas", id=ids[2:], acao="liberar")
    house.until(
        lambda: house.value("SELECT status FROM messages WHERE id = $1", ids[2]) in ("delivered", "sent")
    )
    assert (
        house.value("SELECT count(*) FROM messages WHERE status = 'cancelled' AND id = ANY($1)", ids[:2]) == 2
    )


def test_uncertain_messages_are_settled_by_platform_and_period(house, person):
    ids = house.run(lambda connection: add_messages(connection, 4, first_id=7_100_000, due_in_s=86_400))
    house.fetch(
        """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id, started_at)
                      SELECT id, 'simulador', gen_random_uuid(), now() - interval '1 day' FROM unnest($1::bigint[]) id
                      RETURNING id, message_id)
           UPDATE messages m SET status = 'uncertain', platform = 'simulador', attempt_id = a.id
           FROM a WHERE a.message_id = m.id""",
        ids,
    )
    later = person.post(
        "/painel/incertas", quais="filtro", plataforma="simulador", de="2999-01-01", acao="reenviar"
    )
    assert later.headers["location"] == "/painel/incertas?plataforma=simulador&de=2999-01-01"
    assert "marque ao menos uma mensagem" in text(person.get("/painel/incertas?de=2999-01-01"))
    one = visitor(house, ("send",))
    assert one.post("/painel/incertas", id=ids[:2], acao="dar-como-enviada").status == 403
    assert one.post("/painel/incertas", id=ids[:1], acao="dar-como-enviada").status == 303
    person.post("/painel/incertas", quais="filtro", plataforma="simulador", acao="reenviar")
    house.until(
        lambda: (
            house.value("SELECT count(*) FROM messages WHERE id = ANY($1) AND status = 'delivered'", ids) == 3
        )
    )
    assert house.value("SELECT status FROM messages WHERE id = $1", ids[0]) == "accepted"


def test_sending_again_too_soon_says_so_and_changes_nothing(house, person):
    house.behave(mode="drop", receipts=[])
    person.post("/painel/disparos", faturas="70218", disparo=str(uuid4()))
    message_id = house.until(lambda: house.value("SELECT id FROM messages WHERE status = 'uncertain'"))
    page = person.get(f"/painel/mensagens/{message_id}").raw.decode()
    assert re.search(r"<button [^>]*disabled>Enviar de novo \(a partir das \d\d:\d\d\)", page)
    forms = {f"/painel/mensagens/{message_id}": "/reenviar", "/painel/incertas?de=2020-01-01": ""}
    for came_from, path in forms.items():
        form = {"id": message_id, "acao": "reenviar", "de": "2020-01-01"}
        answer = person.post(came_from.partition("?")[0] + path, **form)
        assert (answer.status, answer.headers["location"]) == (303, came_from)
        assert "há menos de 10 minutos" in text(person.get(came_from))
    house.fetch("UPDATE attempts SET started_at = now() - interval '605 s' WHERE message_id = $1", message_id)
    page = person.get(f"/painel/mensagens/{message_id}").raw.decode()
    assert f'action="/painel/mensagens/{message_id}/reenviar"' in page
    assert person.post(f"/painel/mensagens/{message_id}/dar-como-enviada").status == 303
    assert "por Ana" in text(person.get(f"/painel/mensagens/{message_id}"))


def test_users_and_clients_are_made_changed_and_shut_out(house, person):
    made = text(
        person.post("/painel/usuarios", email="bia@example.com", nome="Bia", permissao=["send", "root"])
    )
    password = re.search(r"Senha de bia@example.com ([\w-]+)", made)[1]
    row = house.fetch("SELECT id, permissions FROM users WHERE email = 'bia@example.com'")[0]
    assert row["permissions"] == ["send"]
    shown = text(person.post("/painel/clientes-api", nome="robô", janela="60", finalidade="notice"))
    secret = re.search(r"client_secret: (\S+)", shown)[1]
    client_id = house.value("SELECT max(id) FROM api_clients")
    body = {"grant_type": "password", "client_id": client_id, "client_secret": secret,
            "username": "bia@example.com", "password": password}  # fmt: skip
    answer = house.anonymous.post("/oauth/token", body)
    assert answer.status == 200
    page = text(person.get("/painel/clientes-api"))
    assert "bia@example.com" in page
    jti = house.value("SELECT jti::text FROM access_tokens WHERE client_id = $1", client_id)
    assert person.post(f"/painel/tokens/{jti}/revogar").status == 303
    assert house.value("SELECT revoked_at IS NOT NULL FROM access_tokens WHERE client_id = $1", client_id)
    user_id, alive = (
        row["id"],
        "SELECT count(*) FROM access_tokens WHERE revoked_at IS NULL AND client_id = $1",
    )
    for whose in (f"usuarios/{user_id}", f"clientes-api/{client_id}"):
        assert house.anonymous.post("/oauth/token", body).status == 200
        assert house.value(alive, client_id) == 1
        assert person.post(f"/painel/{whose}/tokens").status == 303
        assert house.value(alive, client_id) == 0
    assert person.post(f"/painel/clientes-api/{client_id}/desativar").status == 303
    assert house.anonymous.post("/oauth/token", body).status == 401
    own = house.value("SELECT user_id FROM panel_sessions ORDER BY seen_at DESC, created_at LIMIT 1")
    assert own is not None


def test_nobody_locks_themselves_out(house, person):
    from disparo.auth.tokens import digest

    own = house.value(
        "SELECT user_id FROM panel_sessions WHERE token_sha256 = $1", digest(person.cookies["painel"])
    )
    assert person.post(f"/painel/usuarios/{own}/desativar").status == 422
    assert person.post(f"/painel/usuarios/{own}/permissoes", permissao="send").status == 422
    assert person.get("/painel/usuarios").status == 200


def test_files_are_kept_for_ever_and_a_page_stays_small(house, person):
    house.run(lambda connection: add_invoices(connection, 1, first_id=8_000_000))
    page = person.get("/painel", **{"Accept-Encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    sizes = []
    for address in set(
        re.findall(r'(?:src|href)="(/painel/estatico/[^"#]+)', gzip.decompress(page.raw).decode())
    ):
        answer = person.get(address, **{"Accept-Encoding": "gzip"})
        assert answer.status == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        sizes.append(len(answer.raw))
    assert len(sizes) >= 8
    assert sum(sizes) < 250 * 1024
    for path in (*PAGES, *ADMIN_PAGES):
        assert len(person.get(path, **{"Accept-Encoding": "gzip"}).raw) < 30 * 1024, path


def test_the_days_figures_are_the_same_before_and_after_they_are_folded(house, person):
    from disparo.db import day

    sent = person.post("/painel/disparos", faturas="11000", disparo=str(uuid4()))
    dispatch_id = sent.headers["location"].rpartition("/")[2]
    ask = "SELECT status FROM messages WHERE dispatch_id = $1::uuid"
    house.until(lambda: house.value(ask, dispatch_id) == "delivered")

    async def figures(connection):
        since = await connection.fetchval("SELECT now() - interval '1 day'")
        rows = await day.read(connection, since=since, zone="America/Sao_Paulo")
        return sorted((row["platform"], row["status"], row["total"]) for row in rows)

    async def moved_back(connection):
        await connection.execute("UPDATE message_events SET at = at - interval '20 minutes'")
        await connection.execute("UPDATE event_figures_until SET until = until - interval '1 hour'")
        await connection.execute("TRUNCATE event_figures")
        before = await figures(connection)
        await day.fold(connection)
        assert await connection.fetchval("SELECT count(*) FROM event_figures") > 0
        return before, await figures(connection)

    before, after = house.run(moved_back)
    assert before == after
    reached = {status: total for _, status, total in after if status in ("accepted", "delivered")}
    assert reached["accepted"] >= reached["delivered"]  # whatever was delivered was handed over
    assert ("simulador", "delivered", 0) not in after
    assert any(status == "delivered" for _, status, _ in after)


def test_a_preview_that_comes_between_takes_no_notice_away(house):
    person = visitor(house)
    template = "{marca}: {valor} ate {vencimento}. {pagamento}"
    person.get("/painel/modelo")
    assert person.post("/painel/modelo", modelo=template).status == 303
    preview = person.post("/painel/modelo/previa", {"HX-Request": "true"}, modelo=template, fatura="11000")
    assert (preview.status, "Modelo salvo" in text(preview)) == (200, False)
    assert "Modelo salvo" in text(person.get("/painel/modelo"))
    assert "Modelo salvo" not in text(person.get("/painel/modelo"))
    house.fetch("DELETE FROM templates")


def test_to_ask_with_head_is_to_look(house, person):
    """As a link checker or a proxy does: what a page would answer, and nothing is done or told by it."""
    exported = "SELECT count(*) FROM audit_log WHERE action = 'exported'"
    before = house.value(exported)
    dispatch_id = uuid4()
    person.post("/painel/disparos", faturas="11000", disparo=str(dispatch_id))
    person.post("/painel/descadastros", telefone="11955553333")
    files = ("mensagens.csv", "auditoria.csv", "descadastros.csv", f"disparos/{dispatch_id}/progresso")
    for path in (*PAGES, *ADMIN_PAGES, "/painel/entrar", *(f"/painel/{name}" for name in files)):
        answer = person.call("HEAD", path)
        assert (answer.status, answer.raw) == (200, b""), path
    assert house.value(exported) == before
    assert "Número descadastrado" in text(person.get("/painel/descadastros"))
    answer = Visitor(house).call("HEAD", "/painel/mensagens?situacao=failed")
    onward = "/painel/entrar?depois=/painel/mensagens%3Fsituacao%3Dfailed"
    assert (answer.status, answer.headers["location"]) == (303, onward)
    assert person.call("HEAD", "/painel/nada").status == 404


def test_of_many_tokens_their_number_is_told(house, person):
    account = house.account()
    house.anonymous.post("/oauth/token", account)
    house.fetch(
        """INSERT INTO access_tokens (jti, client_id, user_id, family_id, expires_at)
           SELECT gen_random_uuid(), client_id, user_id, family_id, expires_at
           FROM access_tokens, generate_series(1, 1200) WHERE client_id = $1""",
        account["client_id"],
    )
    live = house.value("SELECT count(*) FROM access_tokens WHERE revoked_at IS NULL AND expires_at > now()")
    assert live > 1200
    thousands = f"{live:,}".replace(",", ".")
    said = text(person.get("/painel/clientes-api"))
    assert f"Mostrando os 100 mais novos de {thousands}." in said
    listed = house.command("token", "listar").stdout
    assert f"São {thousands} tokens em vigor: estes são os mais novos." in listed
