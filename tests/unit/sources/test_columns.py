"""Which columns are taken for which: never one that could mean another customer."""

from __future__ import annotations

import pytest

from disparo.sources.columns import propose
from disparo.sources.tables import NotReadable

HEADER = ["id_fatura", "codigo_cliente", "valor", "vencimento"]


def test_a_customers_code_is_not_their_id():
    with pytest.raises(NotReadable, match="id_cliente"):
        propose("faturas", [(1, HEADER)])


def test_an_id_that_is_said_to_be_the_customers_goes_before_one_that_is_not():
    found = propose("clientes", [(1, ["ID", "Cliente ID", "Cód. Cliente", "Nome"])])
    assert found.fields == [None, "id_cliente", "codigo_cliente", "nome"]


def test_whoever_means_it_says_so():
    found = propose("faturas", [(1, HEADER)], {"codigo_cliente": "id_cliente"})
    assert found.positions["id_cliente"] == 1


def test_each_phone_of_a_file_is_taken():
    found = propose("clientes", [(1, ["id_cliente", "nome", "Telefone", "Celular", "WhatsApp", "Fone"])])
    assert found.fields[2:] == ["telefone_1", "telefone_2", "telefone_3", None]
    found = propose("clientes", [(1, ["id_cliente", "nome", "Celular", "Telefone Residencial"])])
    assert found.fields[2:] == ["telefone_1", "telefone_2"]
