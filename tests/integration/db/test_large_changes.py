"""Many messages that change at once take no longer each than a few, whatever was in the table before."""

from __future__ import annotations

import asyncio

import pytest
from tests.support import rows

from disparo.db import messages
from disparo.db.messages import Move
from disparo.domain.message import Event

MANY = 10_000
pytestmark = pytest.mark.anyio


async def test_a_plan_made_while_the_table_was_empty_is_not_kept_for_ten_thousand(connection, ours):
    await rows.add_messages(connection, 1_000)
    await connection.execute("DELETE FROM messages")
    await connection.execute("VACUUM ANALYZE messages")
    await messages.apply_events(ours, [Move(1, Event.RELEASE, "x")], actor="test")
    ids = await rows.add_messages(connection, MANY, first_id=2_000, due_in_s=86_400)
    await connection.execute("UPDATE messages SET status = 'held'")
    async with asyncio.timeout(8), ours.transaction():  # a quarter of a second; each with each, 20
        moved = await messages.apply_events(
            ours, [Move(id_, Event.RELEASE, "x") for id_ in ids], actor="test"
        )
    assert len(moved) == MANY
