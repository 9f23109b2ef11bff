"""Who may do what at the panel: every form and page against every permission."""

from __future__ import annotations

import re
from uuid import uuid4

from tests.support.rows import add_messages
from tests.support.visitor import ADMIN_PAGES, EVERYTHING, PAGES, text, visitor

from disparo.panel import assets
from disparo.panel.app import routes

#: What each permission opens; everything else is shut to those who have all the others.
NEEDED = {
    "/painel/mensagens/1/texto": {"view_text"},
    "/painel/mensagens/1/confirmacoes": {"view_text"},
    "/painel/respostas": {"view_text"},
    "/painel/mensagens/1/reenviar": {"send"},
    "/painel/mensagens/1/dar-como-enviada": {"send"},
    "/painel/mensagens/1/liberar": {"send"},
    "/painel/mensagens/1/cancelar": {"cancel"},
    f"/painel/disparos/{uuid4()}/cancelar": {"cancel"},
    f"/painel/disparos/{uuid4()}/pausar": {"send_bulk"},
    f"/painel/disparos/{uuid4()}/retomar": {"send_bulk"},
    "/painel/disparos": {"send", "send_bulk"},
    "/painel/disparos/novo": {"send", "send_bulk"},
    "/painel/disparos/novo/fora.csv": {"send", "send_bulk"},
    "/painel/importar": {"register"},
    "/painel/importar/gravar": {"register"},
    "/painel/importar/recusadas": {"register"},
    "/painel/incertas": {"send", "send_bulk"},
    "/painel/descadastros": {"send", "send_bulk"},
    "/painel/descadastros/remover": {"remove_opt_out"},
    "/painel/plataformas/simulador/pausar": {"admin"},
    "/painel/plataformas/simulador/retomar": {"admin"},
    "/painel/plataformas/simulador/testar": {"admin"},
    "/painel/modelo": {"admin"},
    "/painel/modelo/previa": {"admin"},
    "/painel/usuarios": {"admin"},
    "/painel/usuarios/1/permissoes": {"admin"},
    "/painel/usuarios/1/desativar": {"admin"},
    "/painel/usuarios/1/reativar": {"admin"},
    "/painel/usuarios/1/senha": {"admin"},
    "/painel/usuarios/1/tokens": {"admin"},
    "/painel/clientes-api": {"admin"},
    "/painel/clientes-api/1/segredo": {"admin"},
    "/painel/clientes-api/1/tokens": {"admin"},
    "/painel/clientes-api/1/desativar": {"admin"},
    f"/painel/tokens/{uuid4()}/revogar": {"admin"},
}

#: Forms for whoever is signed in, but for the last, which asks by what is done.
OPEN = {"/painel/entrar", "/painel/sair", "/painel/senha", "/painel/tema", "/painel/retidas"}
FOR_ALL = {"/", "/painel/", "/painel", "/painel/hoje", "/painel/entrar", "/painel/senha"}
LOOKS = {
    "/painel/importar": {"register"},
    "/painel/disparos/novo": {"send", "send_bulk"},
    **{path: {"admin"} for path in (*ADMIN_PAGES, "/painel/auditoria.csv")},
}


def test_no_form_is_left_out_of_these_tests():
    forms = [route for route in routes() if "POST" in route.methods]
    assert {route.path for route in forms if not any(map(route.path_regex.match, NEEDED))} == OPEN


def test_nobody_sees_a_page_that_needs_a_permission_they_lack(house):
    for path, needed in LOOKS.items():
        others = visitor(house, tuple(name for name in EVERYTHING if name not in needed))
        assert others.get(path).status == 403, path
    nobody = visitor(house, ())
    for route in routes():
        if "GET" in route.methods and not route.path.startswith(assets.PREFIX):
            status = nobody.get(re.sub(r"\{\w+\}", "1", route.path)).status
            assert (status == 403) == (route.path not in FOR_ALL), (route.path, status)


def test_what_is_done_with_held_messages_needs_its_own_permission(house):
    for action, chosen, lacking in (
        ("liberar", ["1"], {"send", "send_bulk"}),
        ("liberar", ["1", "2"], {"send_bulk"}),
        ("cancelar", ["1"], {"cancel"}),
        ("retomar", [], {"admin"}),
    ):
        holder = visitor(house, tuple(name for name in EVERYTHING if name not in lacking))
        assert holder.post("/painel/retidas", acao=action, id=chosen).status == 403, lacking
    onlooker = visitor(house, ("view_text", "remove_opt_out", "register"))
    assert onlooker.post("/painel/retidas", acao="liberar").status == 403


def test_nobody_does_what_needs_a_permission_they_lack(house):
    for lacking in EVERYTHING:
        holder = visitor(house, tuple(name for name in EVERYTHING if name != lacking))
        for path, needed in NEEDED.items():
            if needed == {lacking}:
                assert holder.post(path).status == 403, (lacking, path)
    sender_of_nothing = visitor(house, ("cancel", "remove_opt_out", "view_text", "admin"))
    for path, needed in NEEDED.items():
        if needed == {"send", "send_bulk"}:
            assert sender_of_nothing.post(path).status == 403, path


def test_what_is_forbidden_stays_undone(house):
    sender = visitor(house, ("send",))
    sender.post("/painel/usuarios", email="x@example.com", permissao="admin")
    sender.post("/painel/plataformas/simulador/pausar")
    assert house.value("SELECT count(*) FROM users WHERE email = 'x@example.com'") == 0
    assert house.value("SELECT count(*) FROM platform_states WHERE paused_by IS NOT NULL") == 0
    listed = sender.post("/painel/disparos", faturas="11000 50949", disparo=str(uuid4()))
    assert listed.status == 403  # two invoices are a list
    assert house.value("SELECT count(*) FROM dispatches WHERE kind = 'bulk'") == 0


def test_who_sends_one_at_a_time_is_told_so_where_they_type(house):
    sender, bulk_sender = visitor(house, ("send",)), visitor(house, ("send", "send_bulk"))
    needed = "é preciso a permissão “enviar e resolver em lote”."
    listed = sender.post("/painel/disparos/novo", faturas="11000 50949")
    assert listed.status == 403
    assert f"Para mais de uma fatura {needed}" in text(listed)
    assert ">11000 50949</textarea>" in listed.raw.decode()
    form = sender.get("/painel/disparos/novo").raw.decode()
    assert f"Uma fatura de cada vez: para várias {needed}" in form
    for name in ("arquivo", "de", "ate"):
        assert f'name="{name}"' not in form
        assert f'name="{name}"' in bulk_sender.get("/painel/disparos/novo").raw.decode()
    assert "SMS (um por telefone)" in text(sender.post("/painel/disparos/novo", faturas="11000"))


def test_who_settles_many_may_settle_one_and_who_settles_one_is_told_so(house):
    first, *_ = ids = house.run(
        lambda connection: add_messages(connection, 4, due_in_s=86_400, first_id=8_620_001)
    )
    attempt = house.value(
        """INSERT INTO attempts (message_id, platform, worker_id, started_at)
           VALUES ($1, 'simulador', gen_random_uuid(), now() - interval '1 day') RETURNING id""",
        first,
    )
    for status, path, act in (
        ("uncertain", "/painel/incertas", "dar-como-enviada"),
        ("held", "/painel/retidas", "liberar"),
    ):
        house.fetch(
            "UPDATE messages SET status = $1, attempt_id = $2 WHERE id = ANY ($3)", status, attempt, ids
        )
        one, many = visitor(house, ("send",)), visitor(house, ("send_bulk",))
        shown = one.get(path)
        assert "para várias é preciso a permissão “enviar e resolver em lote”." in text(shown)
        assert ("data-all" in shown.raw.decode(), "data-all" in many.get(path).raw.decode()) == (False, True)
        assert many.post(path, acao=act, id=[str(first)]).status == 303
        assert house.value("SELECT status FROM messages WHERE id = $1", first) != status
    house.fetch("UPDATE messages SET status = 'cancelled' WHERE id = ANY ($1)", ids)


def test_who_may_not_is_told_which_permission_is_missing(house):
    sender = visitor(house, ("send",))
    lacking = "O seu usuário não tem permissão para isto: falta “{}”."
    answer = sender.post("/painel/disparos", faturas="11000 50949", disparo=str(uuid4()))
    assert lacking.format("enviar e resolver em lote") in text(answer)
    assert lacking.format("cancelar envios") in text(sender.post("/painel/mensagens/1/cancelar"))
    either = "enviar e resolver mensagens” ou “enviar e resolver em lote"
    assert lacking.format(either) in text(visitor(house, ("cancel",)).get("/painel/disparos/novo"))


def test_a_user_without_any_permission_sees_the_first_page_and_nothing_else(house):
    nobody = visitor(house, ())
    assert nobody.get("/painel").status == 200
    for path in (*PAGES[2:], *ADMIN_PAGES):
        answer = nobody.get(path)
        assert answer.status == 403, path
        assert "não tem permissão" in text(answer)
    sender = visitor(house, ("send",))
    assert {sender.get(path).status for path in PAGES} == {200}
    assert {sender.get(path).status for path in ADMIN_PAGES} == {403}


def test_nobody_is_led_to_what_they_may_not_do(house):
    onlooker, sender = visitor(house, ("cancel",)), visitor(house, ("send_bulk",))
    empty = ("/painel", "/painel/buscar?q=nada+disto", "/painel/disparos?de=2999-01-01")
    for path in empty:
        assert 'href="/painel/disparos/novo"' in sender.get(path).raw.decode(), path
        assert "/painel/disparos/novo" not in onlooker.get(path).raw.decode(), path
        assert "crie um disparo" not in text(onlooker.get(path)), path


def test_every_purpose_that_an_api_client_is_offered_can_be_chosen(house):
    admin = visitor(house, ("admin",))
    form = admin.get("/painel/clientes-api").raw.decode().partition('name="finalidade"')[2]
    offered = re.findall(r'<option value="(\w+)"', form.partition("</select>")[0])
    assert "notice" in offered
    for purpose in (*offered, "by_due_date"):
        assert admin.post("/painel/clientes-api", nome="robô", finalidade=purpose).status == 200, purpose
    found = house.fetch("SELECT purpose FROM api_clients WHERE name = 'robô' ORDER BY id")
    assert [row["purpose"] for row in found] == [*offered, "requested"]


def test_without_a_session_every_page_leads_to_the_sign_in_form(house):
    for path in (*PAGES, *ADMIN_PAGES, "/painel/mensagens/1", "/painel/auditoria.csv"):
        answer = house.anonymous.get(path)
        assert (answer.status, answer.headers["location"].partition("?")[0]) == (303, "/painel/entrar"), path
    answer = house.anonymous.get("/painel/hoje", headers={"HX-Request": "true"})
    assert (answer.status, answer.headers["hx-redirect"]) == (401, "/painel/entrar")
