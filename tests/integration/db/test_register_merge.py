"""What a file or a call does not speak of stays as it is; a null empties it (docs/pt-BR/importar.md)."""

from __future__ import annotations

import json

import pytest

from disparo.db.customers import upsert_customers, upsert_invoices
from disparo.sources.hubsoft_fields import read_customer, read_invoice
from disparo.sources.row_readers import customer_reader

pytestmark = pytest.mark.anyio

ADDRESS = {"endereco": "RUA A", "numero": "10", "complemento": "FUNDOS", "cidade": "BETIM", "uf": "MG"}


def customer(**item):
    return read_customer({"id_cliente": 1, "nome_razaosocial": "ANA", **item})


def invoice(**item):
    return read_invoice(
        {"id_fatura": 7, "id_cliente": 1, "valor": "10,00", "data_vencimento": "01/12/2026", **item}
    )


async def stored(connection, column, table="customers"):
    return json.loads(await connection.fetchval(f"SELECT {column} FROM {table}"))


async def test_of_an_address_the_parts_that_are_given_change(connection):
    await upsert_customers(
        connection, [customer(endereco_cadastral=ADDRESS, endereco_instalacao={"cidade": "IBIRITÉ"})]
    )
    line = customer_reader({"id_cliente": 0, "nome": 1, "cidade": 2})(["1", "ANA", "CONTAGEM"])
    await upsert_customers(connection, [line])
    found = await stored(connection, "addresses")
    assert (found["registered"]["city"], found["registered"]["street"]) == ("CONTAGEM", "RUA A")
    assert found["registered"]["uf"] == "MG"
    assert found["installation"]["city"] == "IBIRITÉ"
    await upsert_customers(connection, [customer(endereco_cadastral={"complemento": None})])
    found = await stored(connection, "addresses")
    assert "complement" not in found["registered"]
    assert found["registered"]["number"] == "10"


async def test_a_line_without_any_address_leaves_it(connection):
    await upsert_customers(connection, [customer(endereco_cadastral=ADDRESS)])
    before = await stored(connection, "addresses")
    read = customer_reader({"id_cliente": 0, "nome": 1, "cidade": 2, "bairro": 3})
    await upsert_customers(connection, [read(["1", "ANA", "", ""])])
    assert await stored(connection, "addresses") == before


async def test_of_an_invoices_details_those_that_are_given_change(connection):
    await upsert_customers(connection, [customer()])
    items = [
        {"id_cobranca": 1, "descricao": "PLANO", "valor": 99.9},
        {"id_cobranca": 2, "descricao": "DESCONTO", "valor": -10.0},
    ]
    await upsert_invoices(
        connection, [invoice(nosso_numero="1", numero_documento=55, carteira="17", detalhamento=items)]
    )
    await upsert_invoices(connection, [invoice(nosso_numero="2", carteira=None)])
    found = await stored(connection, "details", "invoices")
    assert (found["our_number"], found["document_number"]) == ("2", 55)
    assert "wallet" not in found
    assert [item["amount"] for item in found["items"]] == [99.9, -10.0]


A, B, C = "(11) 98888-0001", "11988880002", "11 98888-0003"


@pytest.mark.parametrize(
    ("told", "allowed"),
    [
        ((B, A, None), (True, False)),
        ((B, "5511988880001", None), (True, False)),  # written in another way
        ((A, B, None), (False, True)),
        ((B, C, A), (True, True, False)),
        ((C, B, None), (False, True)),  # a new one in its place
        ((f"{B}; {A}", None, None), (False, True)),
        ((None, None, A), (False, True, False)),
        ((None, None, None), (False, True, True)),
    ],
)
async def test_a_number_that_moves_to_another_field_takes_its_permission_along(connection, told, allowed):
    first = {"telefone_primario": A, "telefone_secundario": B}
    await upsert_customers(connection, [customer(**first, permite_sms_primario=False)])
    names = ("telefone_primario", "telefone_secundario", "telefone_terciario")
    for _ in range(2):
        await upsert_customers(connection, [customer(**dict(zip(names, told, strict=True)))])
        row = await connection.fetchrow(
            "SELECT phone_1_allowed, phone_2_allowed, phone_3_allowed FROM customers"
        )
        assert tuple(row)[: len(allowed)] == allowed


async def test_a_permission_that_is_told_goes_before_that_of_the_number(connection):
    await upsert_customers(connection, [customer(telefone_primario=A, permite_sms_primario=False)])
    moved = customer(telefone_primario=B, telefone_secundario=A, permite_sms_secundario=True)
    await upsert_customers(connection, [moved])
    row = await connection.fetchrow("SELECT phone_1_allowed, phone_2_allowed FROM customers")
    assert tuple(row) == (False, True)
