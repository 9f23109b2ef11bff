"""Files as other programs and spreadsheets leave them: read as meant, or refused in words that help."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tests.support.program import command

CUSTOMERS = "id_cliente;nome;Celular;CPF\n"


@pytest.fixture(scope="module")
def dsn(new_database):
    return new_database()


@pytest.fixture
def load(dsn, tmp_path):
    def load(kind, content, *options):
        path = tmp_path / kind
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return command("importar", kind, path, *options, env={"DISPARO_DATABASE_URL": dsn})

    return load


@pytest.fixture
def rows(dsn):
    def fetch(query):
        async def work():
            connection = await asyncpg.connect(dsn)
            try:
                return [tuple(row) for row in await connection.fetch(query)]
            finally:
                await connection.close()

        return asyncio.run(work())

    return fetch


def test_a_number_written_with_decimals_is_not_another_persons(load, rows):
    assert load("clientes", CUSTOMERS + "1;ANA;1198887777.0;12345678901.0\n").returncode == 0
    assert rows("SELECT phone_1, cpf_cnpj FROM customers WHERE id = 1") == [("1198887777", "12345678901")]


def test_a_phone_that_was_cut_leaves_the_one_that_is_known(load, rows):
    assert load("clientes", CUSTOMERS + "2;BIA;11988880002;\n").returncode == 0
    done = load("clientes", CUSTOMERS + "2;BIA;1,19889E+10;\n")
    assert "linha 2: telefone_1 foi cortado pela planilha" in done.stderr
    assert rows("SELECT phone_1 FROM customers WHERE id = 2") == [("11988880002",)]


def test_what_is_marked_as_text_for_spreadsheets_is_read_without_the_mark(load, rows):
    lines = """3;CAIO;="11988880003";="01234567890"\n4;DORA;'11988880004;'01234567890\n5;'TÁ BOM LTDA;;\n"""
    assert load("clientes", CUSTOMERS + lines).returncode == 0
    assert rows("SELECT name, phone_1, cpf_cnpj FROM customers WHERE id BETWEEN 3 AND 5 ORDER BY id") == [
        ("CAIO", "11988880003", "01234567890"),
        ("DORA", "11988880004", "01234567890"),
        ("'TÁ BOM LTDA", None, None),
    ]
    invoice = """="501";="3";="1.234,56";="10/12/2026";="paga"\n"""
    assert load("faturas", "id_fatura;id_cliente;valor;vencimento;situacao\n" + invoice).returncode == 0
    assert rows("SELECT amount::text, status FROM invoices WHERE id = 501") == [("1234.56", "paid")]


def test_a_phone_copied_from_a_messenger_is_one(load, rows):
    assert load("clientes", CUSTOMERS + "6;EVA;\u202a+55 11 98888\u20110006\u202c;\n").returncode == 0
    assert rows("SELECT phone_1 FROM customers WHERE id = 6") == [("+55 11 98888-0006",)]
