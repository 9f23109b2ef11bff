"""What a page says is so: nobody is told that an SMS went, goes or is settled when it is not."""

from __future__ import annotations

import pytest
from tests.support.visitor import text, visitor


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
