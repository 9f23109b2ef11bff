"""What is counted up to a limit is not said to be all there is."""

from __future__ import annotations

from disparo.db import day
from disparo.panel.matters import _waiting


def test_a_count_that_reached_its_limit_is_or_more():
    matters = _waiting({"uncertain": 3, "held": day.MOST}, held_by_restore=False)
    assert [matter.title for matter in matters] == [
        "3 mensagens incertas",
        "10.000 mensagens retidas ou mais",
    ]


def test_a_restore_that_holds_nothing_is_not_told_as_nothing_held():
    """It said that 0 messages stood still and waited for a person."""
    (matter,) = _waiting({"uncertain": 0, "held": 0}, held_by_restore=True)
    assert matter.title == "O banco de dados foi restaurado de uma cópia"
    assert "Nenhuma mensagem está retida por isso." in matter.text
    (matter,) = _waiting({"uncertain": 0, "held": 1}, held_by_restore=True)
    assert matter.title == "1 mensagem retida"
    assert _waiting({"uncertain": 0, "held": 0}, held_by_restore=False) == []
