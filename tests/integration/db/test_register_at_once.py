"""Files, pushes and syncs that bring the same rows at once wait for each other, whatever each says of them."""

from __future__ import annotations

import asyncio
import random
from datetime import date

import pytest
from tests.support.locks import until_somebody_waits

from disparo.db import erasure
from disparo.db.customers import replace_contacts, upsert_contacts, upsert_customers, upsert_invoices
from disparo.db.pool import connect

pytestmark = pytest.mark.anyio

ROUNDS = 10


def rows_of(writer, chance):
    """The same customers, in an order and with columns of its own."""
    ids = chance.sample(range(1, 201), 200)
    return [
        {"id": id_, "name": f"{writer} {id_}", **({"code": id_} if chance.random() < 0.5 else {})}
        for id_ in ids
    ]


async def test_writers_of_the_same_customers_do_not_end_each_other(dsn):
    async def write(writer):
        chance, connection = random.Random(writer), await connect(dsn)
        try:
            for _ in range(ROUNDS):
                async with connection.transaction():
                    await upsert_customers(connection, rows_of(writer, chance))
        finally:
            await connection.close()

    await asyncio.gather(*(write(writer) for writer in range(3)))


INVOICE = {"id": 7, "customer_id": 1, "amount": 10, "due_date": date(2026, 12, 1)}
CONTACT = {"id": 3, "customer_id": 1, "phone": "37900000001"}


@pytest.mark.parametrize(
    ("upsert", "row"),
    [
        (upsert_customers, {"id": 1, "name": "ANA"}),
        (upsert_contacts, CONTACT),
        (upsert_invoices, INVOICE),
    ],
)
async def test_what_comes_while_a_customer_is_erased_does_not_bring_them_back(dsn, connection, upsert, row):
    await upsert_customers(connection, [{"id": 1, "name": "ANA"}])
    await upsert_invoices(connection, [INVOICE])

    async def write():
        writer = await connect(dsn)
        try:
            async with writer.transaction():
                return await upsert(writer, [row])
        finally:
            await writer.close()

    async with asyncio.TaskGroup() as group, connection.transaction():
        await erasure.erase(connection, 1)
        writing = group.create_task(write())
        await until_somebody_waits(connection)
    assert writing.result() == {row["id"]}
    for table in ("customers", "contacts", "invoices"):
        assert not await connection.fetchval(f"SELECT count(*) FROM {table}"), table


async def test_an_erasure_waits_for_whoever_writes_and_takes_what_they_wrote(dsn, connection):
    eraser = await connect(dsn)

    async def erase():
        async with eraser.transaction():
            return await erasure.erase(eraser, 1)

    async with asyncio.TaskGroup() as group, connection.transaction():
        await upsert_customers(connection, [{"id": 1, "name": "ANA"}])
        erasing = group.create_task(erase())
        await until_somebody_waits(connection)
        await replace_contacts(connection, [1], [CONTACT])
        await upsert_invoices(connection, [INVOICE])
    assert erasing.result() == 0
    assert not await connection.fetchval("SELECT count(*) FROM customers")
    await eraser.close()
