"""Of many rows at once each takes no longer than one of a few, whatever was in the table before."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from tests.support import rows

from disparo.db import messages, sync_states
from disparo.db.messages import Move
from disparo.domain.message import Event

FEW, MANY = 500, 10_000
pytestmark = pytest.mark.anyio


async def test_a_plan_made_while_the_table_was_empty_is_not_kept_for_ten_thousand(connection, ours):
    await rows.add_messages(connection, 1_000)
    await connection.execute("DELETE FROM messages")
    await connection.execute("VACUUM ANALYZE messages")
    await messages.apply_events(ours, [Move(1, Event.RELEASE, "x")], actor="test")
    few = await rows.add_messages(connection, FEW, first_id=2_000, due_in_s=86_400)
    many = await rows.add_messages(connection, MANY, first_id=3_000, due_in_s=86_400)
    await connection.execute("UPDATE messages SET status = 'held'")
    began = time.monotonic()
    await released(ours, few)
    few_s = time.monotonic() - began
    # Each with each they take hundreds of times as long as the few, of which they are twenty times as many.
    async with asyncio.timeout(max(8.0, 100 * few_s)), ours.transaction():
        await released(ours, many)


async def released(connection, ids):
    moves = [Move(id_, Event.RELEASE, "x") for id_ in ids]
    assert len(await messages.apply_events(connection, moves, actor="test")) == len(ids)


async def test_open_invoices_are_looked_up_in_a_long_list_and_not_held_against_all_of_it(connection, ours):
    """As a sync does at the end of a month's list: a large provider has more than are listed here."""
    ids = await rows.add_invoices(connection, 2 * MANY)
    await connection.execute("UPDATE invoices SET source = 'hubsoft'")
    await connection.execute("VACUUM ANALYZE invoices")
    today = await connection.fetchval("SELECT current_date")
    period = (today, today + timedelta(days=30))
    # Each with each they take 20 s and more, and a statement of the sync is given up after 30.
    async with asyncio.timeout(8.0):
        found = await sync_states.open_and_not_among(ours, "hubsoft", ids[:-3], *period, limit=100)
    assert found == ids[-3:]
