"""A list's filter that holds nothing: a period that is none, a platform that is gone."""

from __future__ import annotations

import pytest
from tests.support.rows import add_messages
from tests.support.visitor import text, visitor


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


@pytest.mark.parametrize(
    "path", ["mensagens", "mensagens.csv", "disparos", "incertas", "auditoria", "auditoria.csv"]
)
def test_a_period_that_is_none_is_told_from_one_in_which_nothing_was(house, person, path):
    before = house.value("SELECT count(*) FROM audit_log")
    for period, said in (
        ("de=2026-11-30&ate=2026-11-01", "ao contrário"),
        ("ate=2026-02-30", "não é um dia"),
    ):
        answer = person.get(f"/painel/{path}?{period}")
        assert answer.status == 422
        assert said in text(answer)
        if not path.endswith(".csv"):  # its page, with what was typed, to be put right there
            typed = period.partition("&")[0].partition("=")
            assert f'name="{typed[0]}" type="date" value="{typed[2]}"' in answer.raw.decode()
            assert " download>" not in answer.raw.decode()
            assert 'type="checkbox" name="id"' not in answer.raw.decode()
            assert "com estes filtros" not in text(answer)
    assert house.value("SELECT count(*) FROM audit_log") == before


def test_of_a_period_that_is_none_not_all_is_settled(house, person):
    (message_id,) = house.run(
        lambda connection: add_messages(connection, first_id=8_000_000, due_in_s=86_400)
    )
    house.fetch(
        """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id, started_at)
                      VALUES ($1, 'simulador', gen_random_uuid(), now() - interval '1 day') RETURNING id)
           UPDATE messages SET status = 'uncertain', platform = 'simulador', attempt_id = a.id FROM a
           WHERE messages.id = $1""",
        message_id,
    )
    answer = person.post("/painel/incertas", quais="filtro", ate="2026-02-30", acao="dar-como-enviada")
    assert house.value("SELECT status FROM messages WHERE id = $1", message_id) == "uncertain"
    assert (answer.status, "não é um dia" in text(answer)) == (422, True)


@pytest.mark.parametrize("page", ["mensagens", "incertas"])
def test_a_filter_by_a_platform_that_is_gone_is_not_shown_as_none(person, page):
    shown = person.get(f"/painel/{page}?plataforma=tirada").raw.decode()
    assert "<option selected>tirada</option>" in shown
