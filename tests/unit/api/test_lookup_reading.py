"""What the lookups are asked for."""

from __future__ import annotations

import pytest

from disparo.api.hubsoft.lookup_reading import Search, read_document
from disparo.db.register import By

CNPJ = "12.345.678/0001-95"


@pytest.mark.parametrize("document", ["12345678000195", CNPJ, " 12345678/0001-95 "])
def test_a_document_is_read_however_it_is_written(document: str):
    assert read_document({"documento": document}) == Search(By.CPF_CNPJ, "12345678000195")


def test_no_document_asks_for_nothing():
    assert read_document({"documento": " "}) is None
