"""What a page says is so: nobody is told that an SMS went, goes or is settled when it is not."""

from __future__ import annotations

import re
from html import unescape
from uuid import uuid4

import pytest
from tests.support.client import DISPATCH
from tests.support.rows import add_messages
from tests.support.visitor import text, visitor

from disparo.auth.tokens import digest


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


def test_texts_of_a_simulation_are_of_invoices_that_would_go(house, person):
    of_a_list = text(person.post("/painel/disparos/novo", faturas="11000 70217 70221 70222"))
    assert "fatura 11000, 1 segmento" in of_a_list
    for left_out in ("70217", "70221", "70222"):  # a landline, paid, cancelled
        assert f"fatura {left_out}," not in of_a_list
    day = house.value("SELECT due_date::text FROM invoices WHERE id = 70215")
    by_date = text(person.post("/painel/disparos/novo", de=day, ate=day))
    assert "fatura 70215, 1 segmento" in by_date


def test_who_is_left_out_of_a_list_is_named_in_a_file(house, person):
    listed = {"faturas": "11000 70217 70221 70222 999999"}
    assert "Baixar quem fica de fora (CSV)" in text(person.post("/painel/disparos/novo", **listed))
    answer = person.post("/painel/disparos/novo/fora.csv", **listed)
    header, *lines = [line.split(";") for line in answer.raw.decode("utf-8-sig").splitlines()]
    assert header == ["fatura", "cliente", "nome", "telefone", "motivo"]
    assert {(line[0], line[-1]) for line in lines} >= {
        ("70217", "fatura sem celular que possa receber SMS"),
        ("70217", "telefone fixo: não recebe SMS"),
        ("70221", "fatura já paga"),
        ("70222", "fatura cancelada"),
        ("999999", "fatura não está no cadastro"),
    }
    assert not [line for line in lines if line[0] == "11000"]


def test_a_simulation_says_whether_it_waits_for_its_hours(house, person):
    waits = "Fora do horário permitido eles esperam a próxima abertura."
    day = house.value("SELECT due_date::text FROM invoices WHERE id = 70215")
    for several in ({"faturas": "11000 70215"}, {"de": day, "ate": day}):
        assert waits in text(person.post("/painel/disparos/novo", **several))
    alone = text(person.post("/painel/disparos/novo", faturas="11000"))
    assert "Uma fatura só sai na hora, a qualquer hora, como pedida pelo cliente." in alone
    assert waits not in alone


def test_numbers_beside_a_due_date_are_not_taken_for_the_whole_of_it(house, person):
    day = house.value("SELECT due_date::text FROM invoices WHERE id = 70215")
    for days in ({"de": day}, {"ate": day}):
        answer = person.post("/painel/disparos/novo", faturas="11000", **days)
        assert "Há números de faturas e também vencimento: deixe só um dos dois." in text(answer)


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (("cancelled",), "Cancelado: nada mais sai."),
        (("delivered", "cancelled"), "Cancelado: nada mais sai."),
        (("skipped", "failed"), "Nada saiu."),
        (("held", "cancelled"), "Não sai tudo sozinho: 1 mensagem retida espera uma pessoa."),
        (("delivered", "held"), "Não sai tudo sozinho: 1 mensagem retida espera uma pessoa."),
        (("delivered", "uncertain", "failed"), "Tudo o que havia para enviar já saiu."),
    ],
)
def test_a_dispatch_that_is_over_says_whether_it_went(house, person, statuses, said):
    ids = house.run(lambda connection: add_messages(connection, len(statuses), due_in_s=86_400))
    for message_id, status in zip(ids, statuses, strict=True):
        house.fetch("UPDATE messages SET status = $2 WHERE id = $1", message_id, status)
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", ids[0])
    assert said in text(person.get(f"/painel/disparos/{dispatch_id}"))


def test_a_filter_that_finds_nothing_does_not_say_that_all_is_well(house, person):
    assert "Tudo o que saiu foi confirmado" in text(person.get("/painel/incertas?plataforma=&de=&ate="))
    filtered = text(person.get("/painel/incertas?plataforma=outra"))
    assert "Nenhuma mensagem incerta com estes filtros" in filtered
    assert "Tudo o que saiu foi confirmado" not in filtered


def test_a_part_of_a_long_dispatch_without_what_is_looked_for_is_not_all_of_it(house, person):
    ids = house.run(
        lambda connection: add_messages(connection, 3005, first_id=1_000_000, due_in_s=86_400, kind="bulk")
    )
    house.fetch("UPDATE messages SET status = 'delivered' WHERE id = $1", ids[-1])
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", ids[-1])
    page = person.get(f"/painel/disparos/{dispatch_id}?situacao=delivered")
    assert "Nenhuma mensagem aqui" not in text(page)
    assert "Pode haver mais: use o botão abaixo" in text(page)
    following = unescape(re.search(r'rel="next" href="([^"]+)"', page.raw.decode())[1])
    assert f'href="/painel/mensagens/{ids[-1]}"' in person.get(following).raw.decode()


def csv_of(page):
    return unescape(re.search(r'href="([^"]+\.csv[^"]*)" download', page.raw.decode())[1])


def test_the_csv_button_gives_what_the_filter_finds(house, person):
    ids = house.run(lambda connection: add_messages(connection, 3, first_id=2_000_000, due_in_s=86_400))
    house.fetch("UPDATE messages SET status = 'failed', reason = 'number' WHERE id = $1", ids[0])
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", ids[0])
    page = person.get(f"/painel/disparos/{dispatch_id}?situacao=failed")
    lines = person.get(csv_of(page)).raw.decode("utf-8-sig").splitlines()
    assert [line.split(";")[0] for line in lines] == ["mensagem", str(ids[0])]
    assert len(person.get(csv_of(person.get(f"/painel/disparos/{dispatch_id}"))).raw.splitlines()) == 4
    person.post("/painel/descadastros", telefone="11955554444")
    lines = person.get(csv_of(person.get("/painel/auditoria?acao=opt_out_added"))).raw.decode().splitlines()
    assert len(lines) == 2
    assert "descadastrou um número" in lines[1]


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("/painel/mensagens/1/texto", "/painel/mensagens/1"),
        ("/painel/plataformas/simulador/testar", "/painel/plataformas"),
        ("/painel/usuarios/1/senha", "/painel/usuarios"),
        ("/painel/clientes-api/1/segredo", "/painel/clientes-api"),
        ("/painel/modelo/previa", "/painel/modelo"),
        ("/painel/tokens/x/revogar", "/painel"),
    ],
)
def test_who_comes_back_to_a_forms_address_gets_its_page(person, form, page):
    answer = person.get(form)
    assert (answer.status, answer.headers["location"]) == (303, page)


def test_changing_the_looks_keeps_page_and_filters(person):
    page = person.get("/painel/mensagens?situacao=failed&de=2026-01-01").raw.decode()
    here = unescape(re.search(r'name="depois" value="([^"]+)"', page)[1])
    answer = person.post("/painel/tema", tema="dark", depois=here)
    assert answer.headers["location"] == "/painel/mensagens?situacao=failed&de=2026-01-01"


def test_a_form_that_comes_after_the_session_is_not_lost_in_silence(house):
    late = visitor(house)
    late.get("/painel/descadastros")
    house.fetch("DELETE FROM panel_sessions WHERE token_sha256 = $1", digest(late.cookies["painel"]))
    answer = late.post("/painel/descadastros", telefone="11977776666")
    assert "o que você pediu por último não foi feito" in text(late.get(answer.headers["location"]))
    assert "depois=/painel/descadastros" in answer.headers["location"]
    assert late.post("/painel/sair").headers["location"] == "/painel/entrar"
    assert "não foi feito" not in text(late.get("/painel/entrar?depois=/painel/disparos"))


def test_the_audit_tells_of_no_act_that_did_nothing(house, person):
    (message_id,) = house.run(
        lambda connection: add_messages(connection, first_id=3_000_000, due_in_s=86_400)
    )
    house.fetch("UPDATE messages SET status = 'failed' WHERE id = $1", message_id)
    person.post("/painel/descadastros", telefone="11944443333")
    before = house.value("SELECT count(*) FROM audit_log")
    for act in ("reenviar", "dar-como-enviada", "liberar", "cancelar"):
        assert person.post(f"/painel/mensagens/{message_id}/{act}").status == 303
    for act in ("reenviar", "dar-como-enviada"):
        assert person.post("/painel/incertas", id=message_id, acao=act).status == 303
    for act in ("liberar", "cancelar"):
        assert person.post("/painel/retidas", id=message_id, acao=act).status == 303
    assert person.post("/painel/descadastros", telefone="11944443333").status == 303
    assert person.post("/painel/descadastros/remover", telefone="11933332222").status == 303
    assert house.value("SELECT count(*) FROM audit_log") == before


def test_the_first_page_says_what_its_numbers_count_and_what_its_lists_show(person):
    page = person.get("/painel")
    assert "mensagens criadas hoje que estão agora nessa situação" in text(page)
    assert re.search(r'href="/painel/mensagens\?de=[\d-]+&amp;situacao=accepted"', page.raw.decode())


def test_who_did_it_and_where_a_list_goes_on_are_said_in_portuguese(house, person):
    sent = person.post("/painel/disparos", faturas="70215", disparo=str(uuid4()))
    dispatch_id = sent.headers["location"].rpartition("/")[2]
    ask = "SELECT id FROM messages WHERE dispatch_id = $1::uuid AND status = 'delivered'"
    message_id = house.until(lambda: house.value(ask, dispatch_id))
    page = text(person.get(f"/painel/mensagens/{message_id}"))
    assert "na fila de envio pelo programa de envio" in page
    assert "pela plataforma simulador" in page
    house.run(lambda connection: add_messages(connection, 60, first_id=6_000_000, due_in_s=86_400))
    whole = house.value("SELECT dispatch_id FROM messages WHERE invoice_id = 6000000")
    by_invoice = text(person.get(f"/painel/disparos/{whole}"))  # what follows is no older
    assert "pelo programa · pedida pelo cliente" in by_invoice
    assert "Ver mais" in by_invoice
    assert "Mais antigas" not in by_invoice


@pytest.mark.parametrize("window", ["dez minutos", "1,5", "-1"])
def test_a_window_of_repeats_that_is_no_number_is_not_taken_for_none(house, person, window):
    answer = person.post("/painel/clientes-api", nome="robô", janela=window)
    assert answer.status == 422
    assert "é um número de segundos" in text(answer)
    assert person.post("/painel/clientes-api", nome="robô", janela="0").status == 200


def test_what_kept_a_platforms_answer_from_coming_is_said_in_portuguese(house, person):
    house.behave(mode="drop", receipts=[])
    sent = person.post("/painel/disparos", faturas="70215", disparo=str(uuid4()))
    dispatch_id = sent.headers["location"].rpartition("/")[2]
    ask = "SELECT id FROM messages WHERE dispatch_id = $1::uuid AND status = 'uncertain'"
    message_id = house.until(lambda: house.value(ask, dispatch_id))
    answer = person.post("/painel/plataformas/simulador/testar", telefone="11988887777")
    tested = text(person.get(answer.headers["location"]))
    house.behave(mode="accept")
    pages = [text(person.get(path)) for path in (f"/painel/mensagens/{message_id}", "/painel/plataformas")]
    for page in (tested, *pages):
        assert "a conexão foi cortada antes da resposta" in page
        assert "ServerDisconnectedError" not in page
    assert "simulador (simulada: nenhum SMS de verdade)" in pages[1]
    assert "(simulator)" not in pages[1]


def test_after_settling_some_the_filter_still_says_which_all_are(house, person):
    (message_id,) = house.run(lambda connection: add_messages(connection, first_id=8_100_000))
    answer = person.post(
        "/painel/incertas", id=message_id, acao="dar-como-enviada", plataforma="a&b", de="2026-11-01", ate=""
    )
    assert answer.headers["location"] == "/painel/incertas?plataforma=a%26b&de=2026-11-01"
    page = person.get(answer.headers["location"]).raw.decode()
    assert 'name="de" type="date" value="2026-11-01"' in page


def test_the_page_of_a_message_says_that_its_number_is_called_wrong(house, person):
    (id_,) = house.run(lambda connection: add_messages(connection, first_id=8_400_000, due_in_s=86_400))
    house.fetch(
        "INSERT INTO bad_numbers (e164, platform) SELECT e164, 'simulador' FROM messages WHERE id = $1", id_
    )
    told = "a plataforma simulador disse que este número não existe"
    assert told in text(person.get(f"/painel/mensagens/{id_}"))
    house.fetch("UPDATE messages SET status = 'delivered' WHERE id = $1", id_)
    assert told not in text(person.get(f"/painel/mensagens/{id_}"))


def test_what_may_have_left_before_is_cancelled_as_a_new_sending_only(house, person):
    ids = house.run(lambda connection: add_messages(connection, 3, first_id=8_300_000, due_in_s=86_400))
    house.fetch(
        """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id, started_at)
                      SELECT id, 'simulador', gen_random_uuid(), now() - interval '1 day'
                      FROM unnest($1::bigint[]) id RETURNING id, message_id)
           UPDATE messages m SET status = 'uncertain', platform = 'simulador', attempt_id = a.id, tries = 1
           FROM a WHERE m.id = a.message_id""",
        ids,
    )
    house.fetch(
        "UPDATE messages SET status = 'queued', due_at = now() + interval '1 day' WHERE id = ANY($1)", ids
    )
    house.fetch("UPDATE messages SET status = 'held' WHERE id = $1", ids[1])
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", ids[2])

    def said(path, **form):
        return text(person.get(person.post(path, **form).headers["location"]))

    assert "continua incerta: o primeiro envio pode ter chegado" in said(
        f"/painel/mensagens/{ids[0]}/cancelar"
    )
    assert "1 novo envio cancelado: a mensagem continua incerta, pois" in said(
        "/painel/retidas", id=ids[1], acao="cancelar"
    )
    cancelled = house.client(permissions=("cancel",)).post(f"{DISPATCH}/{dispatch_id}/cancelar").json
    assert (cancelled["canceladas"], cancelled["ja_entregues"]) == (0, 3)
    assert house.value("SELECT count(*) FROM messages WHERE status = 'uncertain' AND id = ANY($1)", ids) == 3
    for path in (f"/painel/mensagens/{ids[0]}", "/painel/incertas"):
        assert "o novo envio não saiu: cancelada por uma pessoa" in text(person.get(path))


def test_what_was_not_done_does_not_look_as_if_it_had_been(house, person):
    (message_id,) = house.run(
        lambda connection: add_messages(connection, first_id=8_200_000, due_in_s=86_400)
    )
    house.fetch("UPDATE messages SET status = 'failed' WHERE id = $1", message_id)
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", message_id)

    def notice(path, **form):
        page = person.get(person.post(path, **form).headers["location"]).raw.decode()
        return re.search(r'<div class="alert alert-(\w+)" role="status">([^<]+)</div>', page).groups()

    for act in ("reenviar", "dar-como-enviada", "liberar", "cancelar"):
        colour, said = notice(f"/painel/mensagens/{message_id}/{act}")
        assert (colour, said.partition(":")[0]) == ("warning", "Nada foi feito")
    for path, act in (("incertas", "reenviar"), ("retidas", "liberar"), ("retidas", "cancelar")):
        colour, said = notice(f"/painel/{path}", id=message_id, acao=act)
        assert (colour, said.partition(":")[0]) == ("warning", "Nada foi feito")
    assert notice(f"/painel/disparos/{dispatch_id}/cancelar")[0] == "warning"
    for colour in ("success", "warning"):
        assert notice("/painel/descadastros", telefone="11922221111")[0] == colour
    for colour in ("success", "warning"):
        assert notice("/painel/descadastros/remover", telefone="11922221111")[0] == colour


def test_a_run_of_which_a_part_is_refused_is_not_said_to_need_nobody(house, person):
    dispatch_id = uuid4()
    house.fetch(
        """INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, starts_at)
           VALUES ($1, 'bulk', 'sms', 'by_due_date', 1, 1, '{}', now())""",
        dispatch_id,
    )
    house.fetch(
        "INSERT INTO bulk_runs (dispatch_id, actor, not_before, state) VALUES ($1, 'test', now(), 'paused')",
        dispatch_id,
    )
    house.fetch("INSERT INTO bulk_slices (dispatch_id, invoice_ids) VALUES ($1, '{1}')", dispatch_id)
    house.fetch("INSERT INTO alerts (kind, subject) VALUES ('run_refused', $1)", str(dispatch_id))
    page = person.get("/painel")
    assert "Um disparo em lote não fica pronto" in text(page)
    assert f"/painel/disparos/{dispatch_id}" in page.raw.decode()
    house.forget(dispatch_id)


def test_a_delivery_that_contradicts_is_on_the_first_page(house, person):
    house.behave(receipts=["undelivered", "delivered"])
    house.client(permissions=("send",)).send({"id_fatura": 11000})
    shown = "simulador contradiz o que se sabia"
    page = house.until(lambda: shown in text(page := person.get("/painel")) and page)
    last = house.value("SELECT max(id) FROM messages WHERE invoice_id = 11000")
    assert f"/painel/mensagens/{last}" in page.raw.decode()


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({"de": "2031-03-04", "ate": "2031-03-04"}, "vencimento em 04/03/2031"),
        ({"de": "2031-03-04", "ate": "2031-03-09"}, "vencimento de 04/03/2031 a 09/03/2031"),
        ({"de": "2031-03-04"}, "vencimento a partir de 04/03/2031"),
        ({"ate": "2001-03-04"}, "vencimento até 04/03/2001"),
    ],
)
def test_a_run_says_which_days_it_is_of(person, days, said):
    dispatch_id = str(uuid4())
    person.post("/painel/disparos", disparo=dispatch_id, **days)
    assert said in text(person.get(f"/painel/disparos/{dispatch_id}"))
    assert f"em lote, {said} " in text(person.get("/painel/disparos"))


def test_a_simulation_says_who_would_get_an_invoice_again(house, person):
    house.run(lambda connection: add_messages(connection, 2, first_id=8_200_001, due_in_s=86_400))
    again = ": o cliente receberia a mesma fatura outra vez."
    both = text(person.post("/painel/disparos/novo", faturas="8200001 8200002"))
    assert f"2 destes SMS já foram enviados nas últimas 24 horas, ou ainda vão sair{again}" in both
    one = text(person.post("/painel/disparos/novo", faturas="8200001"))
    assert f"1 destes SMS já foi enviado nas últimas 24 horas, ou ainda vai sair{again}" in one
    house.fetch("UPDATE messages SET status = 'cancelled' WHERE invoice_id BETWEEN 8200001 AND 8200002")
    assert again not in text(person.post("/painel/disparos/novo", faturas="8200001 8200002"))


def test_the_audit_shows_what_lies_behind_many_later_lines(house, person):
    house.fetch(
        """INSERT INTO audit_log (id, at, actor, action) OVERRIDING SYSTEM VALUE
           VALUES (0, '2020-02-20 12:00Z', 'cli:ana', 'client_created')"""
    )
    house.fetch("INSERT INTO audit_log (actor, action) SELECT 'cli:rui', 'x' FROM generate_series(1, 21000)")
    for wanted in (
        "acao=client_created",
        "ate=2020-12-31",
        "acao=client_created&de=2020-01-01&ate=2020-12-31",
    ):
        page = person.get(f"/painel/auditoria?{wanted}")
        assert "20/02/2020" in text(page), wanted
        assert "20/02/2020" in person.get(csv_of(page)).raw.decode(), wanted
