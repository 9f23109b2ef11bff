"""What waits for a person is settled by the panel however much it is: uncertain ones, or what a restore holds."""

from __future__ import annotations

import re

import pytest
from tests.support.rows import add_messages
from tests.support.visitor import text, visitor

from disparo.db.installation import RESTORED
from disparo.dispatch.reconcile import RESUMED_AT_ONCE

_RUN = "INSERT INTO bulk_runs (dispatch_id, actor, not_before, carved_at, state)"
MANY = RESUMED_AT_ONCE + 20


@pytest.fixture
def dispatch_id(house):
    """More than one transaction lets go, held."""
    ids = house.run(lambda connection: add_messages(connection, MANY, first_id=7_000_000, due_in_s=86_400))
    found = house.value("SELECT dispatch_id FROM messages WHERE id = $1", ids[0])
    house.fetch("UPDATE messages SET status = 'held', reason = $2 WHERE dispatch_id = $1", found, RESTORED)
    house.fetch("UPDATE installation SET held_since = now(), held_reason = $1", RESTORED)
    yield found
    house.forget(found)


@pytest.fixture
def paused(house):
    """A bulk run that the restore paused while its list was made."""
    made = "INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, starts_at)"
    id_ = house.value(
        f"{made} VALUES (gen_random_uuid(), 'bulk', 'bulk', 'notice', 1, 60, '{{}}', now()) RETURNING id"
    )
    house.fetch(f"{_RUN} VALUES ($1, 'test', now(), NULL, 'paused')", id_)
    yield id_
    house.fetch("DELETE FROM bulk_runs WHERE dispatch_id = $1", id_)
    house.forget(id_)


def test_runs_that_are_paused_are_told_with_it(house, paused):
    person = visitor(house)
    page = text(person.get(person.post("/painel/retidas", acao="retomar").headers["location"]))
    assert "1 disparo está pausado, e nada dele sai até que alguém o abra em Disparos e retome." in page


def test_a_ticked_one_of_a_paused_run_is_told_with_it(house, paused):
    (id_,) = house.run(lambda connection: add_messages(connection, first_id=7_100_000, due_in_s=86_400))
    house.fetch("UPDATE messages SET status = 'held', dispatch_id = $2 WHERE id = $1", id_, paused)
    person = visitor(house)
    page = text(person.get(person.post("/painel/retidas", acao="liberar", id=id_).headers["location"]))
    assert "1 mensagem de volta à fila. 1 disparo está pausado, e nada dele sai até que alguém o abra" in page
    house.fetch("DELETE FROM messages WHERE id = $1", id_)


@pytest.fixture
def held(house):
    """A bulk run that the restore paused, of which all that is left is held."""
    house.fetch("UPDATE installation SET held_since = now(), held_reason = $1", RESTORED)
    (id_,) = house.run(
        lambda connection: add_messages(
            connection, chunk_id=-1_099_511_920_000, first_id=7_200_000, due_in_s=86_400, kind="bulk"
        )
    )
    found = house.value("UPDATE messages SET status = 'held' WHERE id = $1 RETURNING dispatch_id", id_)
    house.fetch(f"{_RUN} VALUES ($1, 'test', now(), now(), 'paused')", found)
    yield found
    house.fetch("UPDATE installation SET held_since = NULL, held_reason = NULL")
    house.forget(found)


def test_a_paused_run_is_on_the_first_page_and_leads_to_what_resumes_it_or_ends_it(house, held):
    """Its page offered neither before one of its messages was let go."""
    person, address = visitor(house), f"/painel/disparos/{held}"
    first_page = person.get("/painel")
    assert re.search(r"Disparo em lote de [\d/]+ [\d:]+ pausado Nada dele sai", text(first_page))
    assert f'href="{address}">Ver e retomar<' in first_page.raw.decode()
    page = person.get(address)
    assert "1 mensagem retida espera uma pessoa. O disparo está pausado" in text(page)
    assert f'action="{address}/retomar"' in page.raw.decode()
    assert person.post(f"{address}/retomar").status == 303
    assert f'href="{address}"' not in person.get("/painel").raw.decode()
    assert f'action="{address}/cancelar"' in person.get(address).raw.decode()
    said = text(person.get(person.post(f"{address}/cancelar").headers["location"]))
    assert "1 mensagem cancelada." in said
    assert f'action="{address}/cancelar"' not in person.get(address).raw.decode()


def test_a_paused_run_of_which_all_is_gone_but_some_uncertain_can_be_resumed_too(house, held):
    """The first page led to it to be resumed, and it offered nothing."""
    house.fetch("UPDATE messages SET status = 'uncertain' WHERE dispatch_id = $1", held)
    person, address = visitor(house), f"/painel/disparos/{held}"
    assert f'href="{address}">Ver e retomar<' in person.get("/painel").raw.decode()
    page = person.get(address)
    assert "O disparo está pausado: o que voltar à fila não sai até alguém o retomar." in text(page)
    assert f'action="{address}/retomar"' in page.raw.decode()
    assert person.post(f"{address}/retomar").status == 303
    assert f'href="{address}"' not in person.get("/painel").raw.decode()


def test_everything_that_a_restore_holds_is_let_go_at_once(house, dispatch_id):
    person = visitor(house)
    assert "Liberar todas as que a restauração reteve" in text(person.get("/painel/retidas"))
    before = house.value("SELECT coalesce(max(id), 0) FROM audit_log")
    released, page = 0, "libere de novo"
    while "libere de novo" in page:  # once, but where that took a busy machine longer than anybody waits
        answer = person.post("/painel/retidas", acao="retomar")
        assert answer.status == 303
        page = text(person.get(answer.headers["location"]))
        released += int(re.search(r"([\d.]+) mensagens de volta à fila\.", page)[1].replace(".", ""))
    assert released == MANY
    assert "Liberar todas" not in page
    held = "SELECT count(*) FROM messages WHERE dispatch_id = $1 AND status = 'held'"
    assert house.value(held, dispatch_id) == 0
    noted = house.fetch(
        "SELECT detail FROM audit_log WHERE action = 'resumed' AND id > $1 ORDER BY id", before
    )
    assert [row["detail"] for row in noted] == ['{"messages": 10000}', '{"messages": 20}']


def test_of_more_uncertain_ones_than_are_settled_at_once_it_says_that_others_remain(house, dispatch_id):
    house.fetch(
        """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id, started_at)
                      SELECT id, 'simulador', gen_random_uuid(), now() - interval '1 day'
                      FROM messages WHERE dispatch_id = $1 RETURNING id, message_id)
           UPDATE messages m SET status = 'uncertain', platform = 'simulador', attempt_id = a.id
           FROM a WHERE a.message_id = m.id""",
        dispatch_id,
    )
    person = visitor(house)
    for said, more in [("10.000 mensagens dadas", True), ("20 mensagens dadas", False)]:
        answer = person.post(
            "/painel/incertas", quais="filtro", plataforma="simulador", acao="dar-como-enviada"
        )
        assert answer.status == 303, house.stage.servers[0].log.read_text()[-2000:]
        page = text(person.get(answer.headers["location"]))
        assert said in page
        assert ("Ainda há outras neste filtro" in page) is more
