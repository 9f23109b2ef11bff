"""A worker that ends leaves what it did not start as it was, for the next one to start at once."""

from __future__ import annotations

import asyncio

import pytest
from tests.support import bulk, rows
from tests.support.hands import a_handover

from disparo import queue
from disparo.dispatch.freshness import Freshness
from disparo.dispatch.give_back import leave
from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio


def end(handover):
    """Do as `Worker._close` does."""
    handover._holder.ending = True
    handover.fleet.close()


class Slow:
    name = "hubsoft"

    def __init__(self, meanwhile):
        self.meanwhile = meanwhile

    async def refresh(self, _invoice_ids):
        self.meanwhile()
        return set()


async def left_by(pool, connection, handover, handling):
    """Let the worker leave; gives the messages' states, why they wait and whether they are due."""
    async with asyncio.timeout(10):
        await handling
    await leave(pool, handover._holder)
    found = await connection.fetch("SELECT DISTINCT status, reason, due_at <= now() AS is_due FROM messages")
    return [tuple(row) for row in found]


async def test_what_waits_for_room_is_not_put_off(pool, connection):
    async with a_handover(pool, connection) as handover:
        table = read_table("p", {"url": "http://127.0.0.1:1/"})
        handover.use({"p": GenericHttp("p", table)}, [Route("p")], bulk.RULES)
        handover.lanes["p"].breaker.paused = True
        ids = await rows.add_messages(connection, 3)
        chunk_id = await rows.chunk_of(connection, ids[0])
        handling = asyncio.create_task(handover.handle_chunk(chunk_id, urgent=True))
        await asyncio.sleep(0)
        end(handover)
        assert await left_by(pool, connection, handover, handling) == [("queued", None, True)]


async def test_what_a_source_is_asked_about_is_not_put_off(pool, connection):
    async with a_handover(pool, connection) as handover:
        handover._freshness = Freshness(pool, {"hubsoft": Slow(lambda: end(handover))}, max_age_s=1800)
        table = read_table("p", {"url": "http://127.0.0.1:1/"})
        handover.use({"p": GenericHttp("p", table)}, [Route("p")], bulk.RULES)
        ids = await rows.add_messages(connection, 3)
        await connection.execute("UPDATE invoices SET source = 'hubsoft'")
        chunk_id = await rows.chunk_of(connection, ids[0])
        handling = asyncio.create_task(handover.handle_chunk(chunk_id, urgent=True))
        assert await left_by(pool, connection, handover, handling) == [("queued", "stray", True)]


@pytest.mark.parametrize(("waiting", "left"), [(3, 1), (0, 0)])
async def test_what_it_does_not_get_to_is_anothers_at_once(pool, connection, waiting, left):
    """Its entry would be gone: a sweep made another one after five seconds, or ten."""
    ids = await rows.add_messages(connection, 3)
    chunk_id = await rows.chunk_of(connection, ids[0])
    await connection.execute("UPDATE messages SET status = 'held' WHERE id > $1", ids[0] + waiting - 1)
    await queue.enqueue(connection, [queue.WakeUp(chunk_id)])
    await connection.execute(f"UPDATE {queue.table()} SET status = 'picked'")
    async with a_handover(pool, connection) as handover:
        handover.use({}, (), bulk.RULES)
        end(handover)
        await handover.handle_entry(chunk_id, urgent=True)
    assert await connection.fetchval(f"SELECT count(*) FROM {queue.table()} WHERE status = 'queued'") == left
