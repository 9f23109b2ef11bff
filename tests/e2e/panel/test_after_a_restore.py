"""What waits for a person is settled by the panel however much it is: uncertain ones, or what a restore holds."""

from __future__ import annotations

import pytest
from tests.support.rows import add_messages
from tests.support.visitor import text, visitor

from disparo.db.installation import RESTORED
from disparo.dispatch.reconcile import RESUMED_AT_ONCE

MANY = RESUMED_AT_ONCE + 20


@pytest.fixture
def dispatch_id(house):
    """More than one transaction lets go, held."""
    ids = house.run(lambda connection: add_messages(connection, MANY, first_id=7_000_000, due_in_s=86_400))
    found = house.value("SELECT dispatch_id FROM messages WHERE id = $1", ids[0])
    house.fetch("UPDATE messages SET status = 'held', reason = $2 WHERE dispatch_id = $1", found, RESTORED)
    house.fetch("UPDATE installation SET held_since = now(), held_reason = $1", RESTORED)
    yield found
    house.fetch("DELETE FROM messages WHERE dispatch_id = $1", found)


@pytest.fixture
def paused(house):
    """A bulk run that the restore paused."""
    made = "INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, starts_at)"
    id_ = house.value(
        f"{made} VALUES (gen_random_uuid(), 'bulk', 'bulk', 'notice', 1, 60, '{{}}', now()) RETURNING id"
    )
    house.fetch(
        """INSERT INTO bulk_runs (dispatch_id, actor, not_before, carved_at, state)
           VALUES ($1, 'test', now(), now(), 'paused')""",
        id_,
    )
    yield id_
    house.fetch("DELETE FROM bulk_runs WHERE dispatch_id = $1", id_)
    house.fetch("DELETE FROM dispatches WHERE id = $1", id_)


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


def test_everything_that_a_restore_holds_is_let_go_at_once(house, dispatch_id):
    person = visitor(house)
    assert "Liberar todas as que a restauração reteve" in text(person.get("/painel/retidas"))
    before = house.value("SELECT coalesce(max(id), 0) FROM audit_log")
    answer = person.post("/painel/retidas", acao="retomar")
    assert answer.status == 303
    page = text(person.get(answer.headers["location"]))
    assert "10.020 mensagens de volta à fila." in page
    assert "libere de novo" not in page
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
        page = text(person.get(answer.headers["location"]))
        assert said in page
        assert ("Ainda há outras neste filtro" in page) is more
