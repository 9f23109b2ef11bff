"""What the lookups are asked for."""

from __future__ import annotations

import pytest

from disparo.api.errors import Refusal
from disparo.api.hubsoft.lookup_reading import Search, read_choice, read_document, read_limit
from disparo.db.register import By

CNPJ = "12.345.678/0001-95"


@pytest.mark.parametrize("document", ["12345678000195", CNPJ, " 12345678/0001-95 "])
def test_a_document_is_read_however_it_is_written(document: str):
    assert read_document({"documento": document}) == Search(By.CPF_CNPJ, "12345678000195")


def test_no_document_asks_for_nothing():
    assert read_document({"documento": " "}) is None


@pytest.mark.parametrize("limit", ["101", "1000000000", "9" * 5000, "0000000000101"])
def test_a_limit_over_the_most_is_refused_in_the_same_words_however_large(limit: str):
    with pytest.raises(Refusal, match="O limite máximo de resultados é de 100 itens"):
        read_limit({"limit": limit}, default=5)


def test_a_no_may_be_written_with_its_tilde_apart():
    assert read_choice({"inativo": "NA\u0303O"}, "inativo") is False
