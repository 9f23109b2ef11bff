"""A bulk run of which nothing goes yet: its page says so, and why its list is empty."""

from __future__ import annotations

import re
import signal
from html import unescape
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from tests.support.client import DISPATCH
from tests.support.rows import add_invoices, add_messages
from tests.support.visitor import text, visitor


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


def as_run(house, dispatch_id, *, state="running", carved="now()"):
    house.fetch(
        f"""INSERT INTO bulk_runs (dispatch_id, actor, not_before, state, carved_at)
            VALUES ($1, 'test', now(), $2, {carved})""",
        dispatch_id,
        state,
    )


def run_of_three(house, **numbers):
    """Give its messages, of which none goes before tomorrow, and its id."""
    ids = house.run(lambda connection: add_messages(connection, 3, due_in_s=86_400, kind="bulk", **numbers))
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", ids[0])
    as_run(house, dispatch_id)
    return ids, dispatch_id


def test_a_run_outside_its_hours_is_said_to_wait_and_until_when(house, person):
    ids, dispatch_id = run_of_three(house, chunk_id=-1_099_511_900_000, first_id=4_000_000)
    house.fetch(
        """INSERT INTO bulk_chunks (chunk_id, dispatch_id, due_at)
           SELECT chunk_id, dispatch_id, due_at FROM messages WHERE id = $1""",
        ids[0],
    )
    when = house.value(
        """SELECT to_char(due_at AT TIME ZONE 'America/Sao_Paulo', 'DD/MM/YYYY HH24:MI')
           FROM messages WHERE id = $1""",
        ids[0],
    )
    waits = f"À espera da hora de sair: faltam 3 de 3. As próximas saem em {when}"
    page = text(person.get(f"/painel/disparos/{dispatch_id}"))
    assert f"{waits}: fora do horário permitido." in page
    assert "Enviando" not in page
    shown = house.command("execucao", "ver", dispatch_id).stdout
    assert f"As próximas saem em {when}: fora do horário permitido." in shown
    put_off = "UPDATE messages SET reason = 'platform_day_full' WHERE id = $1"
    house.fetch(put_off, ids[1])
    page = text(person.get(f"/painel/disparos/{dispatch_id}"))
    assert f"{waits}: o limite de SMS por dia da plataforma foi atingido." in page
    shown = house.command("execucao", "ver", dispatch_id).stdout
    assert f"As próximas saem em {when}: o limite de SMS por dia da plataforma foi atingido." in shown
    house.fetch("UPDATE messages SET reason = NULL WHERE id = $1", ids[1])
    house.fetch("UPDATE dispatches SET starts_at = now() + interval '86400 s' WHERE id = $1", dispatch_id)
    assert f"{waits}." in text(person.get(f"/painel/disparos/{dispatch_id}"))
    assert f"As próximas saem em {when}." in house.command("execucao", "ver", dispatch_id).stdout
    house.forget(dispatch_id)


def test_a_run_of_the_command_line_says_by_whom_and_why_something_did_not_go(house, person):
    ids, dispatch_id = run_of_three(house, chunk_id=-1_099_511_700_000, first_id=4_500_000)
    house.fetch("UPDATE bulk_runs SET actor = 'cli:maria' WHERE dispatch_id = $1", dispatch_id)
    skip = "UPDATE messages SET status = 'skipped', reason = $2 WHERE id = $1"
    for id_, reason in zip(ids, ("opted_out", "opted_out", "invoice_paid"), strict=True):
        house.fetch(skip, id_, reason)
    assert (
        "  dispensada: 3\n    2: o número pediu para não receber SMS\n    1: a fatura já está paga\n"
        in house.command("execucao", "ver", dispatch_id).stdout
    )
    assert "por maria (linha de comando)" in text(person.get(f"/painel/disparos/{dispatch_id}"))
    assert "maria (linha de comando)" in text(person.get("/painel/disparos?tipo=bulk"))
    house.forget(dispatch_id)


def test_reasons_that_are_of_a_part_say_so(house, person):
    chunk = -1_099_511_600_000
    ids = house.run(
        lambda connection: add_messages(
            connection, 5001, chunk_id=chunk, first_id=4_000_000, due_in_s=86_400, kind="bulk"
        )
    )
    house.fetch("UPDATE messages SET status = 'skipped', reason = 'invoice_paid' WHERE id = ANY($1)", ids)
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", ids[0])
    page = text(person.get(f"/painel/disparos/{dispatch_id}"))
    assert "Os motivos são das primeiras 5.000 de 5.001 mensagens." in page
    as_run(house, dispatch_id)
    told = house.command("execucao", "ver", dispatch_id).stdout
    assert "(os motivos são das primeiras 5000 de 5001 mensagens)" in told
    house.forget(dispatch_id)


def test_a_single_sms_that_is_not_to_go_yet_is_not_said_to_be_sent(house, person):
    """By default it goes a minute after it was asked for."""
    (id_,) = house.run(lambda connection: add_messages(connection, first_id=4_600_000, due_in_s=86_400))
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", id_)
    path = f"/painel/disparos/{dispatch_id}"
    when = house.value(
        """SELECT to_char(due_at AT TIME ZONE 'America/Sao_Paulo', 'DD/MM/YYYY HH24:MI')
           FROM messages WHERE id = $1""",
        id_,
    )
    waits = f"À espera da hora de sair: falta 1 de 1. Sai em {when}"
    assert f"{waits}: fora do horário permitido." in text(person.get(path))
    house.fetch("UPDATE dispatches SET starts_at = now() + interval '86400 s' WHERE id = $1", dispatch_id)
    page = text(person.get(path))
    assert f"{waits}." in page
    assert "Enviando" not in page
    house.fetch("UPDATE messages SET reason = 'platform_busy' WHERE id = $1", id_)
    assert f"{waits}: a plataforma está ocupada com outras mensagens." in text(person.get(path))
    house.forget(dispatch_id)


def test_a_list_without_messages_says_why_and_offers_no_filter_as_remedy(house, person):
    dispatch_id = uuid4()
    house.fetch(
        """INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, starts_at)
           VALUES ($1, 'bulk', 'sms', 'by_due_date', 1, 1, '{}', now())""",
        dispatch_id,
    )
    as_run(house, dispatch_id, state="paused", carved="NULL")
    page = text(person.get(f"/painel/disparos/{dispatch_id}"))
    assert "A lista estava sendo montada quando esta página abriu." in page
    assert "O que não chegou, e por quê A lista estava sendo montada" in page
    assert "Nada até" not in page
    assert "Escolha outra situação" not in page
    assert "Escolha outra situação" in text(person.get(f"/painel/disparos/{dispatch_id}?situacao=failed"))
    done = "UPDATE bulk_runs SET state = 'done', carved_at = now() WHERE dispatch_id = $1"
    house.fetch(done, dispatch_id)
    assert "Veja acima o que ficou de fora, e por quê." in text(person.get(f"/painel/disparos/{dispatch_id}"))
    house.forget(dispatch_id)


def test_a_page_that_was_opened_while_its_list_was_made_is_loaded_again_when_it_is_whole(house, person):
    (message_id,) = house.run(
        lambda connection: add_messages(
            connection, chunk_id=-1_099_511_910_000, first_id=4_005_000, due_in_s=86_400, kind="bulk"
        )
    )
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", message_id)
    as_run(house, dispatch_id, state="paused", carved="NULL")
    with figures(house, person, dispatch_id) as stream:
        assert stream.readline() == b"event: progresso\n"
        house.fetch("UPDATE bulk_runs SET carved_at = now() WHERE dispatch_id = $1", dispatch_id)
        assert b"event: fim\n" in stream.read()
    with figures(house, person, dispatch_id) as stream:  # the page that came instead: nothing has gone
        assert stream.readline() == b"event: progresso\n"
        house.fetch("UPDATE messages SET status = 'sending' WHERE id = $1", message_id)
        while (line := stream.readline()) != b"event: progresso\n":
            assert line != b"event: fim\n"
    house.forget(dispatch_id)


def test_a_page_of_a_run_that_a_colleague_resumes_comes_anew_with_the_buttons_of_that(house, person):
    _, dispatch_id = run_of_three(house, first_id=4_015_000, chunk_id=-1_099_511_915_000)
    house.fetch("UPDATE bulk_runs SET state = 'paused' WHERE dispatch_id = $1", dispatch_id)
    for state, button in (("running", "Retomar"), ("paused", "Pausar")):
        path = f"/painel/disparos/{dispatch_id}"
        assert re.search(rf" {button} ", text(person.get(path)))
        with figures(house, person, dispatch_id) as stream:
            assert stream.readline() == b"event: progresso\n"
            house.fetch("UPDATE bulk_runs SET state = $2 WHERE dispatch_id = $1", dispatch_id, state)
            assert b"event: fim\n" in stream.read()
    house.forget(dispatch_id)


def test_reasons_beside_figures_that_go_on_are_said_to_be_of_the_pages_opening(house, person):
    ids, dispatch_id = run_of_three(house, first_id=4_016_000, chunk_id=-1_099_511_916_000)
    path = f"/painel/disparos/{dispatch_id}"
    assert "e por quê Nada até esta página abrir: veja de novo ." in text(person.get(path))
    house.fetch("UPDATE messages SET status = 'failed', reason = 'invalid_number' WHERE id = $1", ids[0])
    page = text(person.get(path))
    assert "e por quê 1 falhou: " in page
    assert "Até esta página abrir: veja de novo ." in page
    house.fetch("UPDATE messages SET status = 'cancelled' WHERE id = ANY($1::bigint[])", ids[1:])
    assert "esta página abrir" not in text(person.get(path))
    house.forget(dispatch_id)


def figures(house, person, dispatch_id):
    """The stream of figures that a dispatch's page listens to."""
    page = person.get(f"/painel/disparos/{dispatch_id}").raw.decode()
    address = unescape(re.search(r'data-progress="([^"]+)"', page)[1])
    request = Request(house.stage.base + address, headers={"Cookie": f"painel={person.cookies['painel']}"})
    return urlopen(request, timeout=30)


def told(house, message_id):
    """What the command line says of a message."""
    invoice_id = house.value("SELECT invoice_id FROM messages WHERE id = $1", message_id)
    return house.command("mensagem", "buscar", "--fatura", invoice_id).stdout


def test_a_message_says_of_no_hour_that_it_goes_then_while_its_run_is_paused(house, person):
    (message_id,) = house.run(
        lambda connection: add_messages(connection, first_id=4_010_000, due_in_s=86_400, kind="bulk")
    )
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", message_id)
    as_run(
        house, dispatch_id, state="paused", carved="NULL"
    )  # one whose list is whole has nothing left, and ends
    page = text(person.get(f"/painel/mensagens/{message_id}"))
    assert "O disparo está pausado: não sai até alguém o retomar." in page
    assert "Sai a partir de" not in page
    assert "  O disparo está pausado: não sai até alguém o retomar.\n" in told(house, message_id)
    house.fetch("UPDATE bulk_runs SET state = 'running' WHERE dispatch_id = $1", dispatch_id)
    house.fetch("UPDATE messages SET reason = 'paused' WHERE id = $1", message_id)
    page = text(person.get(f"/painel/mensagens/{message_id}"))
    assert "Sai a partir de" in page
    assert "está pausado" not in page
    house.forget(dispatch_id)


def test_a_message_to_a_number_that_is_opted_out_is_said_not_to_go(house, person):
    (message_id,) = house.run(
        lambda connection: add_messages(connection, first_id=4_015_000, due_in_s=86_400)
    )
    page = f"/painel/mensagens/{message_id}"
    assert "Sai a partir de" in text(person.get(page))
    assert "\n  Sai a partir de " in told(house, message_id)
    house.fetch(
        "INSERT INTO opt_outs (e164, reason, actor) SELECT e164, 'asked', 'test' FROM messages WHERE id = $1",
        message_id,
    )
    said = text(person.get(page))
    assert "Este número está descadastrado: esta mensagem não sai, será dispensada na hora." in said
    assert "Este número está descadastrado: esta mensagem não sai" in told(house, message_id)
    assert "Sai a partir de" not in said
    house.fetch("DELETE FROM opt_outs WHERE e164 = (SELECT e164 FROM messages WHERE id = $1)", message_id)
    house.fetch("DELETE FROM messages WHERE id = $1", message_id)


@pytest.fixture
def _paused_platform(house):
    house.pause()
    yield
    house.resume()


@pytest.mark.usefixtures("_paused_platform")
def test_a_message_that_waits_past_its_hour_names_no_hour(house, person):
    (message_id,) = house.run(lambda connection: add_messages(connection, first_id=4_020_000))
    page = f"/painel/mensagens/{message_id}"
    said = "A hora de sair já chegou: espera a vez, ou uma plataforma."
    assert house.until(lambda: said in (now := text(person.get(page))) and now).count("Sai a partir de") == 0
    house.fetch("DELETE FROM messages WHERE id = $1", message_id)


@pytest.mark.usefixtures("_paused_platform")
@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("paused_by = 'cli:root'", "simulador: pausada"),
        (
            "paused_by = NULL, open_reason = 'credit', probe_at = now() + interval '1 h'",
            "simulador: a plataforma está sem crédito",
        ),
    ],
)
def test_a_dispatch_is_not_said_to_be_on_its_way_while_no_platform_is_in_use(house, person, state, why):
    house.fetch(f"UPDATE platform_states SET {state}")
    (message_id,) = house.run(lambda connection: add_messages(connection, first_id=4_030_000))
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", message_id)
    said = f"Parado: falta 1 de 1. Nenhuma plataforma está em uso ({why})."
    assert "Enviando" not in house.until(
        lambda: said in (page := text(person.get(f"/painel/disparos/{dispatch_id}"))) and page
    )
    house.forget(dispatch_id)


@pytest.mark.usefixtures("_paused_platform")
@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("paused_by = 'cli:root'", "em uso outra vez"),
        (
            "open_reason = 'credit', opened_at = now(), probe_at = now() + interval '1 h'",
            "a próxima mensagem a tenta já",
        ),
    ],
)
def test_a_platform_that_fails_is_not_said_to_be_in_use_since_it_is_tried(house, person, state, said):
    house.fetch(f"UPDATE platform_states SET {state}")
    person.post("/painel/plataformas/simulador/retomar")
    assert said in (shown := text(person.get("/painel/plataformas")))
    assert ("em uso outra vez" in shown) is ("com falha" not in shown)


@pytest.mark.usefixtures("_paused_platform")
def test_the_command_line_says_too_that_nothing_of_a_run_goes_and_why(house):
    (invoice_id,) = house.run(lambda connection: add_invoices(connection, first_id=4_070_000))
    run = house.client().post(f"{DISPATCH}/lote", {"ids_fatura": [invoice_id]}).json["disparo"]["id"]
    shown = ("execucao", "ver", run)
    said = "agendada: 1\nNenhuma plataforma está em uso (simulador: pausada).\n"
    assert house.until(lambda: said in house.command(*shown).stdout, seconds=30)
    house.fetch("UPDATE platform_states SET paused_by = NULL")
    assert "Nenhuma plataforma" not in house.command(*shown).stdout
    house.command("execucao", "cancelar", run)


def test_a_list_does_not_say_of_a_run_that_goes_on_that_it_is_paused(house, person):
    (message_id,) = house.run(
        lambda connection: add_messages(connection, first_id=4_040_000, due_in_s=86_400, kind="bulk")
    )
    dispatch_id = house.value("SELECT dispatch_id FROM messages WHERE id = $1", message_id)
    as_run(house, dispatch_id)
    house.fetch("UPDATE messages SET reason = 'paused' WHERE id = $1", message_id)
    for path in (f"/painel/disparos/{dispatch_id}", f"/painel/disparos/{dispatch_id}/mensagens.csv"):
        page = person.get(path).raw.decode()
        assert "o disparo foi pausado" in page
        assert "está pausado" not in page
    house.forget(dispatch_id)


def test_a_run_paused_before_its_list_is_whole_is_not_said_to_have_nothing_left(house, person):
    worker = house.stage.workers[0]
    worker.signal(signal.SIGSTOP)  # it makes the list
    try:
        dispatch_id = str(uuid4())
        invoices = " ".join(str(row["id"]) for row in house.fetch("SELECT id FROM invoices LIMIT 3"))
        person.post("/painel/disparos", faturas=invoices, disparo=dispatch_id)
        person.post(f"/painel/disparos/{dispatch_id}/pausar")
        page = text(person.get(f"/painel/disparos/{dispatch_id}"))
        assert "Pausado antes de a lista ficar pronta: 0 até agora, 0 à espera." in page
        assert "Nada sai até alguém retomar." in page
        assert "faltam 0 de 0" not in page
        assert "Faturas lidas: 0 de 3\n" in house.command("execucao", "ver", dispatch_id).stdout
        person.post(f"/painel/disparos/{dispatch_id}/cancelar")
        shown = person.get(f"/painel/disparos/{dispatch_id}")
        assert b'alert-success" role="status">0 mensagens canceladas.' in shown.raw
        assert "A lista ainda não estava pronta: o resto dela também não sai." in text(shown)
        assert "Cancelado antes de a lista ficar pronta: nada mais sai." in text(shown)
        assert "veja de novo" not in text(shown)
        told = house.command("execucao", "cancelar", dispatch_id).stdout
        assert told == "0 mensagem(ns) cancelada(s); 0 já tinha(m) sido enviada(s).\n"  # it was over before
        client = house.client()
        run = client.post(f"{DISPATCH}/lote", {"status": "vencido"}).json["disparo"]["consulta"]
        told = client.post(f"{run}/cancelar").json
        assert (told["canceladas"], "A lista ainda não estava pronta" in told["msg"]) == (0, True)
    finally:
        worker.signal(signal.SIGCONT)


def test_a_list_that_nobody_makes_is_not_said_to_be_in_the_making(house, person):
    worker = house.stage.workers[0]
    worker.kill()
    try:
        house.until(lambda: "O programa de envio está parado" in text(person.get("/painel")))
        dispatch_id = str(uuid4())
        invoices = " ".join(str(row["id"]) for row in house.fetch("SELECT id FROM invoices LIMIT 3"))
        person.post("/painel/disparos", faturas=invoices, disparo=dispatch_id)
        page = text(person.get(f"/painel/disparos/{dispatch_id}"))
        assert "Parado antes de a lista ficar pronta: 0 até agora, 0 à espera." in page
        assert "O programa de envio está parado: avise quem administra." in page
        assert "Montando a lista" not in page
        # What the worker had in hand when it died is on no way either.
        (message_id,) = house.run(lambda connection: add_messages(connection, first_id=4_050_000))
        house.fetch("UPDATE messages SET status = 'claimed' WHERE id = $1", message_id)
        its_dispatch = house.value("SELECT dispatch_id FROM messages WHERE id = $1", message_id)
        page = text(person.get(f"/painel/disparos/{its_dispatch}"))
        assert "Parado: falta 1 de 1. O programa de envio está parado" in page
        house.fetch("DELETE FROM dispatches WHERE id = $1", its_dispatch)
    finally:
        worker.start()
    person.post(f"/painel/disparos/{dispatch_id}/cancelar")


def test_a_list_of_one_invoice_is_called_by_its_number(house, person):
    (invoice_id,) = house.run(lambda connection: add_invoices(connection, first_id=4_060_000))
    run = house.client().post(f"{DISPATCH}/lote", {"ids_fatura": [invoice_id]}).json["disparo"]["id"]
    row = person.get("/painel/disparos?tipo=bulk").raw.decode().partition(run)[0].rpartition("<tr>")[2]
    assert f'data-label="O quê">Fatura {invoice_id}<' in row
    house.fetch(
        "UPDATE bulk_runs SET invoice_ids = NULL, total = 1 WHERE dispatch_id = $1", run
    )  # by due date
    row = person.get("/painel/disparos?tipo=bulk").raw.decode().partition(run)[0].rpartition("<tr>")[2]
    assert 'data-label="O quê">1 fatura<' in row
    house.forget(run)
