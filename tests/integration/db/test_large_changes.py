"""Many messages that change at once take no longer each than a few, whatever was in the table before."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.support import rows

from disparo.db import messages
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
