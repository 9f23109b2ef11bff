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
