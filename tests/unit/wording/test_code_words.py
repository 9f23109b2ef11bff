"""What kept an answer from coming, and of a text in parts the answer to which of them."""

from __future__ import annotations

import pytest

from disparo.wording.code_words import code


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("no_answer", "não respondeu a tempo"),
        ("no_answer, part 3", "na parte 3: não respondeu a tempo"),
        ("too_late, part 2", "na parte 2: já não podia sair, passados cinco minutos do começo"),
        ("ESME_RTHROTTLED, part 2", "na parte 2: código ESME_RTHROTTLED"),
        ("E5, part x", "código E5, part x"),
    ],
)
def test_a_clerk_reads_what_was_and_where(stored, said):
    assert code(stored) == said
