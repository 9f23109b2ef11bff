"""After a restore: what it holds is let go by the panel, however much it is."""

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


def test_everything_that_a_restore_holds_is_let_go_at_once(house, dispatch_id):
    person = visitor(house)
    assert "Liberar todas as que a restauração reteve" in text(person.get("/painel/retidas"))
    answer = person.post("/painel/retidas", acao="retomar")
    assert answer.status == 303
    page = text(person.get(answer.headers["location"]))
    assert "10.020 mensagens de volta à fila." in page
    assert "libere de novo" not in page
    assert "Liberar todas" not in page
    held = "SELECT count(*) FROM messages WHERE dispatch_id = $1 AND status = 'held'"
    assert house.value(held, dispatch_id) == 0
    noted = house.fetch("SELECT detail FROM audit_log WHERE action = 'resumed' ORDER BY id")
    assert [row["detail"] for row in noted] == ['{"messages": 10000}', '{"messages": 20}']
