"""Files, pushes and syncs that bring the same rows at once wait for each other, whatever each says of them."""

from __future__ import annotations

import asyncio
import random

import pytest

from disparo.db.customers import upsert_customers
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
