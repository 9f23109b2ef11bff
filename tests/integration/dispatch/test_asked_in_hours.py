"""A live source is asked again about what may go now: not, each night, about all that waits for the morning."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.support import bulk, rows
from tests.support.hands import a_handover

from disparo.db import messages
from disparo.dispatch import bulk_control
from disparo.dispatch.freshness import Freshness, SourceDown
from disparo.domain.routing import Route
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

NEVER_OPEN = replace(bulk.RULES, is_holiday=lambda _day, _uf: True)


class Away:
    name = "hubsoft"

    def __init__(self):
        self.asked = []

    async def refresh(self, invoice_ids):
        self.asked += invoice_ids
        raise SourceDown("away")


@pytest.fixture
async def due(pool, connection):
    """A run whose messages are due, of invoices that are old."""
    await rows.add_invoices(connection, 3)
    await connection.execute("UPDATE invoices SET source = 'hubsoft', checked_at = now() - interval '1 h'")
    run = await bulk.store(pool)
    await bulk.queue_all(pool)
    await connection.execute("UPDATE bulk_chunks SET due_at = now()")
    await connection.execute("UPDATE messages SET due_at = now()")
    return run


async def look(pool, connection, rules):
    """Have the run's chunk looked at; gives which invoices were asked for, and what its messages wait for."""
    source = Away()
    asks = Freshness(pool, {"hubsoft": source}, max_age_s=1800)
    async with a_handover(pool, connection, freshness=asks) as handover:
        table = read_table("p", {"url": "http://127.0.0.1:1/"})
        handover.use({"p": GenericHttp("p", table)}, [Route("p")], rules)
        chunk_id = await connection.fetchval("SELECT chunk_id FROM messages LIMIT 1")
        await handover.handle_chunk(chunk_id, urgent=False)
    waits = await connection.fetch("SELECT DISTINCT status, reason FROM messages")
    return sorted(source.asked), [tuple(row) for row in waits]


@pytest.mark.usefixtures("due")
async def test_outside_the_hours_it_is_not_asked(pool, connection):
    """And what waits does so for the morning, not for a source that is away at night."""
    assert await look(pool, connection, NEVER_OPEN) == ([], [("queued", "outside_window")])


async def test_of_a_paused_run_it_is_not_asked(pool, connection, due):
    await bulk_control.pause_run(pool, due, actor="test")
    assert await look(pool, connection, bulk.RULES) == ([], [("queued", "paused")])


@pytest.mark.usefixtures("due")
async def test_inside_them_it_is(pool, connection):
    await bulk.open_now(connection)
    assert await look(pool, connection, bulk.RULES) == ([1, 2, 3], [("queued", "source_down")])


async def test_what_was_not_asked_for_is_not_read_again(pool, connection):
    """Its hours may begin while others are asked for: it would go with what is old."""
    ids = await rows.add_messages(connection, 2)
    await connection.execute("UPDATE invoices SET source = 'hubsoft', checked_at = now() - interval '1 h'")
    facts = await messages.claimed_facts(connection, ids)
    source = Away()
    asks = Freshness(pool, {"hubsoft": source}, max_age_s=1800)
    found = await asks.check(facts, lambda row: row["id"] == ids[0])
    assert source.asked == [2]
    assert {row["id"]: row["now"] == facts[0]["now"] for row in found.rows} == {ids[0]: True, ids[1]: False}


class Thoughtful:
    name = "hubsoft"

    def __init__(self):
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def refresh(self, _invoice_ids):
        self.is_asked.set()
        await self.may_answer.wait()
        return set()


async def test_others_have_their_turn_while_it_is_asked(pool, connection):
    """Each call's chunk waited for the answers to all before it: one a second where that is what HubSoft takes."""
    source = Thoughtful()
    old, new = [(await rows.add_messages(connection, 1, first_id=number))[0] for number in (1, 2)]
    await connection.execute("UPDATE invoices SET source = 'hubsoft' WHERE id = 1")
    asks = Freshness(pool, {"hubsoft": source}, max_age_s=1800)
    async with a_handover(pool, connection, freshness=asks) as handover:
        table = read_table("p", {"url": "http://127.0.0.1:1/"})
        handover.use({"p": GenericHttp("p", table)}, [Route("p")], bulk.RULES)
        chunks = [await rows.chunk_of(connection, id_) for id_ in (old, new)]
        asking = asyncio.create_task(handover.handle_chunk(chunks[0], urgent=True))
        async with asyncio.timeout(10):
            await source.is_asked.wait()
            await handover.handle_chunk(chunks[1], urgent=True)
            assert await rows.statuses(connection, [old]) == ["claimed"]
            assert await rows.statuses(connection, [new]) != ["queued"]
            source.may_answer.set()
            await asking
