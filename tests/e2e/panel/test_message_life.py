"""What the page of a message tells of its life."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from tests.support.rows import add_messages, look_in_vain
from tests.support.visitor import text, visitor


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


def test_the_life_of_a_message_of_a_list_begins_with_who_asked_for_it(house, person):
    dispatch_id = str(uuid4())
    person.post("/painel/disparos", faturas="11000 50949", disparo=dispatch_id)
    ask = "SELECT id FROM messages WHERE dispatch_id = $1::uuid LIMIT 1"
    message_id = house.until(lambda: house.value(ask, dispatch_id))
    page = text(person.get(f"/painel/mensagens/{message_id}"))
    assert re.search(r"O que aconteceu [\d/]+ [\d:]+ aceita e agendada por Ana", page)


def test_looks_that_changed_nothing_are_one_line(house, person):
    (message_id,) = house.run(lambda connection: add_messages(connection, due_in_s=86_400))
    for reason in ("platform_unavailable", *["platform_day_full"] * 3):
        house.run(lambda connection, reason=reason: look_in_vain(connection, message_id, reason))
    page = text(person.get(f"/painel/mensagens/{message_id}"))
    assert re.search("agendada · nenhuma plataforma disponível agora pelo programa", page), page
    full = "o limite de SMS por dia da plataforma foi atingido; sai quando houver lugar"
    assert re.search(rf"agendada · {full} \(3 vezes, a última em [\d/]+ [\d:]+\)", page), page
    assert "na fila de envio" not in page


def test_an_answer_whose_words_are_kept_no_more_is_told_all_the_same(house, person):
    (message_id,) = house.run(lambda connection: add_messages(connection, due_in_s=86_400, first_id=60))
    house.fetch(
        """INSERT INTO inbound_texts (platform, digest, e164, message_id, text, opted_out, raw)
           SELECT 'p', sha256('x'), e164, id, '', false, '' FROM messages WHERE id = $1""",
        message_id,
    )
    page = text(person.post(f"/painel/mensagens/{message_id}/texto"))
    assert re.search("o cliente respondeu · o texto já não é guardado", page), page
