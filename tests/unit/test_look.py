"""Looking at a large chunk must not keep hand-overs from their moments."""

from __future__ import annotations

import asyncio

import pytest

from disparo.db.messages import CHUNK_SIZE
from disparo.dispatch.breathing import breathing

pytestmark = pytest.mark.anyio


async def test_others_have_their_turn_while_a_chunk_is_looked_at():
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    rows = [row async for row in breathing(range(CHUNK_SIZE))]
    task.cancel()
    assert rows == list(range(CHUNK_SIZE))
    assert turns >= 5
