"""What nobody acts on before a start waits for no flush of the database; a start does."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.support import rows

from disparo.db import chunks, messages
from disparo.db.messages import Start

pytestmark = pytest.mark.anyio


async def waits(connection):
    """Whether the commit of what is under way, or comes next, waits until it is on the disk."""
    return await connection.fetchval("SHOW synchronous_commit") == "on"


async def test_claims_and_ended_chunks_wait_for_no_flush_and_starts_do(ours):
    (id_,) = await rows.add_messages(ours, 1)
    worker, token, chunk = await rows.add_worker(ours), uuid4(), await rows.chunk_of(ours, id_)
    async with ours.transaction():
        assert await messages.claim(ours, worker, token=token, chunk_id=chunk, limit=1) == [id_]
        assert not await waits(ours)
    assert await waits(ours)
    async with ours.transaction():
        await chunks.end(ours, chunk)
        assert not await waits(ours)
    assert await waits(ours)
    async with ours.transaction():
        started = await messages.start(ours, [Start(id_, token, "texto", 1)], platform="p", worker_id=worker)
        assert (list(started), await waits(ours)) == ([id_], True)
