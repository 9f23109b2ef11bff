"""A worker's hand-over without the worker: its lanes go on by themselves, nothing else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from tests.support import rows

from disparo.db.pool import Pool
from disparo.dispatch.anteroom import Anteroom
from disparo.dispatch.claims import Holder
from disparo.dispatch.fleet import Fleet
from disparo.dispatch.freshness import Freshness
from disparo.dispatch.handover import Handover
from disparo.dispatch.recorder import Recorder


@asynccontextmanager
async def a_handover(
    pool: Pool,
    connection: asyncpg.Connection,
    recorder: Recorder | None = None,
    freshness: Freshness | None = None,
) -> AsyncIterator[Handover]:
    """One with a worker's row, no platforms yet; what it was given to use is closed at the end."""
    holder = Holder(await rows.add_worker(connection))
    anteroom = Anteroom(lambda *_: None, unwritten=frozenset())
    fleet = Fleet(pool, recorder or Recorder(pool), holder, anteroom)
    yield Handover(pool, fleet=fleet, holder=holder, freshness=freshness)
    platforms = list(fleet.platforms.values())
    await fleet.end()
    for platform in platforms:
        await platform.close()
