"""Dozens of calls that have to wait in the database keep no SMS, no receipt and no monitor waiting with them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tests.support.client import OPT_OUT, SEND
from tests.support.locks import until_somebody_waits

BASE = "/api/v1/integracao"
#: More than a server has connections.
MANY = 30


async def at_once(calls):
    """Do blocking calls at once, each in a thread of its own."""
    with ThreadPoolExecutor(len(calls)) as threads:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(threads, *call) for call in calls))


async def answered(connection, waiting, quick):
    """Give the answers to `quick`, asked while `waiting` wait in the database, and what will be those to these."""
    asking = asyncio.create_task(at_once(waiting))
    await until_somebody_waits(connection, count=2)
    return await at_once(quick), asking


def health(client):
    """Ask some times: on a machine that stood still a look takes too long, and says so."""
    for _ in range(5):
        answer = client.get("/saude")
        if answer.status == 200:
            break
    return answer


def push(client, n):
    customer = {"id_cliente": 700_000 + n, "nome_razaosocial": f"CLIENTE {n}"}
    return client.call, "PUT", f"{BASE}/cliente", {"clientes": [customer]}


def test_beside_pushes_that_wait_for_the_register(house, client):
    async def work(connection):
        async with connection.transaction():  # as a file that is being imported, or a sync
            await connection.execute(
                "SELECT pg_advisory_xact_lock($1, hashtext('customers'))", int.from_bytes(b"regi")
            )
            quick = [
                (client.call, "POST", SEND, {"id_fatura": 11000}),
                (client.get, f"{BASE}/cliente?busca=id_cliente&termo_busca=3108"),
                (health, client),
            ]
            pushes = [push(client, n) for n in range(MANY)]
            found, pushing = await answered(connection, pushes, quick)
        return [*found, *await pushing]

    assert {answer.status for answer in house.run(work)} == {200}


def test_beside_calls_that_wait_for_a_table(house, client):
    async def work(connection):
        async with connection.transaction():
            await connection.execute("LOCK TABLE opt_outs IN SHARE ROW EXCLUSIVE MODE")
            quick = [
                (client.call, "POST", SEND, {"id_fatura": 11000}),
                (health, client),
            ]
            entries = [(client.call, "POST", OPT_OUT, {"telefone": f"379300000{n:02}"}) for n in range(MANY)]
            found, entering = await answered(connection, entries, quick)
        return [*found, *await entering]

    assert {answer.status for answer in house.run(work)} == {200}
