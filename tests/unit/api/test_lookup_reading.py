"""What the lookups are asked for."""

from __future__ import annotations

import pytest

from disparo.api.hubsoft.lookup_reading import Search, read_document
from disparo.db.register import By

CNPJ = "12.345.678/0001-95"


@pytest.mark.parametrize("issuer", ["12345678000195", "12.345.678/0001-95"])
@pytest.mark.parametrize("document", ["12345678000195", CNPJ, " 12345678/0001-95 "])
def test_the_issuers_own_document_asks_for_no_customer(issuer: str, document: str):
    assert read_document({"documento": document}, issuer) is None


@pytest.mark.parametrize("issuer", [None, "", "99.999.999/0001-91"])
def test_another_document_is_a_customers(issuer: str | None):
    assert read_document({"documento": CNPJ}, issuer) == Search(By.CPF_CNPJ, "12345678000195")
    assert read_document({"documento": " "}, issuer) is None
