"""A list of which some had their SMS already: only the others get one, told apart by invoice and phone."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.support import bulk
from tests.support.rows import add_messages
from tests.support.visitor import text, visitor


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


@pytest.fixture
def half_sent(house):
    """Two invoices whose customers have two phones each; the first phone of one had its SMS today."""
    first = house.value("SELECT coalesce(max(id), 0) + 1 FROM invoices WHERE id BETWEEN 8300000 AND 8399999")
    first = max(first, 8_300_001)
    ids = house.run(lambda connection: add_messages(connection, 2, first_id=first, due_in_s=86_400))
    house.fetch(
        "UPDATE customers SET phone_2 = '119' || (90000000 + id) WHERE id IN ($1, $2)", first, first + 1
    )
    house.fetch("UPDATE messages SET status = 'undelivered' WHERE id = $1", ids[1])
    return first, first + 1


def sent_to(house, dispatch_id):
    query = "SELECT invoice_id, e164 FROM messages WHERE dispatch_id = $1::uuid ORDER BY 1, 2"
    return [tuple(row) for row in house.fetch(query, dispatch_id)]


def phones(invoice_id):
    return [f"+55119{invoice_id:08d}", f"+55119{90_000_000 + invoice_id:08d}"]


def test_a_list_goes_to_each_phone_that_had_nothing(house, person, half_sent):
    had, other = half_sent
    page = person.post("/painel/disparos/novo", faturas=f"{had} {other}")
    assert "Enviar 4 SMS" in text(page)
    assert "Enviar só aos outros: 3 SMS" in text(page)
    dispatch_id = str(uuid4())
    person.post("/painel/disparos", faturas=f"{had} {other}", disparo=dispatch_id, a_quem="outros")
    house.until(lambda: len(sent_to(house, dispatch_id)) == 3)
    assert sent_to(house, dispatch_id) == [
        (had, phones(had)[1]),
        *((other, phone) for phone in phones(other)),
    ]
    house.run(bulk.open_now)
    shown = text(person.get(f"/painel/disparos/{dispatch_id}"))
    assert "1 número que já recebeu há pouco" in shown
    assert "1 número que já recebeu há pouco" in house.command("execucao", "ver", dispatch_id).stdout


def test_a_single_invoice_goes_to_its_other_phone(house, person, half_sent):
    had, other = half_sent
    assert "Enviar só aos outros: 1 SMS" in text(person.post("/painel/disparos/novo", faturas=had))
    sent = person.post("/painel/disparos", faturas=had, disparo=str(uuid4()), a_quem="outros")
    assert sent_to(house, sent.headers["location"].rpartition("/")[2]) == [(had, phones(had)[1])]
    shown = text(person.get(sent.headers["location"]))
    assert "não recebe: já recebeu esta fatura há pouco" in shown
    # Both had it by now; whom it did not reach had none.
    page = person.post("/painel/disparos/novo", faturas=had)
    assert "Enviar só aos outros:" not in text(page)
    again = person.post("/painel/disparos", faturas=had, disparo=str(uuid4()), a_quem="outros")
    said = (
        "Todos os telefones desta fatura já receberam o SMS dela nas últimas 24 horas, ou ainda vão receber."
    )
    assert (again.status, said in text(again)) == (422, True)
    assert "Enviar só aos outros" not in text(person.post("/painel/disparos/novo", faturas=other))
    back = person.post("/painel/disparos", faturas=other, disparo=str(uuid4()), a_quem="outros")
    assert len(sent_to(house, back.headers["location"].rpartition("/")[2])) == 2


@pytest.fixture
def half_listed(house, half_sent):
    """A run of both invoices that was paused before it had messages of them."""
    id_ = house.value(
        """WITH d AS (INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, starts_at)
                      VALUES (gen_random_uuid(), 'bulk', 'sms', 'by_due_date', 1, 60, '{}', now()) RETURNING id)
           INSERT INTO bulk_runs (dispatch_id, actor, not_before, state, invoice_ids)
           SELECT id, 'test', now(), 'paused', $1 FROM d RETURNING dispatch_id""",
        list(half_sent),
    )
    yield id_
    house.forget(id_)


def test_a_single_invoice_of_a_run_that_does_not_know_its_own_yet_waits_for_it(
    house, person, half_sent, half_listed
):
    """The run sent to the same phones besides, once its list was made: each got the invoice twice."""
    order = {"faturas": half_sent[0], "disparo": str(uuid4()), "a_quem": "outros"}
    known = "SELECT count(*) FROM messages WHERE invoice_id = $1"
    answer = person.post("/painel/disparos", **order)
    assert (answer.status, "ainda não montou toda a sua lista" in text(answer)) == (422, True)
    assert house.value(known, half_sent[0]) == 1
    house.fetch("UPDATE bulk_runs SET state = 'cancelled' WHERE dispatch_id = $1", half_listed)
    assert person.post("/painel/disparos", **order).status == 303
    assert house.value(known, half_sent[0]) == 2


@pytest.mark.parametrize("named", [True, False])
def test_a_simulation_tells_of_a_run_that_does_not_know_its_own_yet(
    house, person, half_sent, half_listed, named
):
    """While no worker lived a second list of the same invoices was said to go to nobody twice."""
    _, other = half_sent
    house.fetch("UPDATE invoices SET due_date = '2036-02-06' WHERE id = $1", other)
    asked = {"faturas": other} if named else {"de": "2036-02-06", "ate": "2036-02-06"}
    said = "Outro disparo com faturas desta lista ainda não montou toda a lista dele"
    assert said in text(person.post("/painel/disparos/novo", **asked))
    house.fetch("UPDATE bulk_runs SET state = 'cancelled' WHERE dispatch_id = $1", half_listed)
    assert said not in text(person.post("/painel/disparos/novo", **asked))
