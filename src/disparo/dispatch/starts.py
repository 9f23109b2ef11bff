"""Commits the starts of hand-overs, also while the database is away for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from disparo.db import messages
from disparo.db.messages import Start
from disparo.db.pool import TRANSIENT, Pool
from disparo.dispatch.claims import Prepared
from disparo.dispatch.gate import RateGrant
from disparo.dispatch.writes import Started
from disparo.domain.windows import ON_ITS_WAY
from disparo.platforms.base import boottime_s

log = structlog.get_logger(__name__)

#: From the moment the start is asked for until the last moment its bytes may leave. Well under the 6 s
#: after which a silent worker is taken over.
START_TTL_S = 4.0
_RETRY_S = 0.2
#: A database that is away for longer leaves the last looks too old.
_PATIENCE_S = 10.0


async def commit(
    pool: Pool, starts: Sequence[Start], *, platform: str, worker_id: UUID
) -> tuple[dict[int, int], float]:
    """Commit starts; gives attempt ids by message id of those that may be written, and their deadline.

    The deadline is in seconds of CLOCK_BOOTTIME. None may be where the database is away for long: `unseen`
    tells which of them a lost connection may have committed.
    """
    began = boottime_s()
    while True:
        deadline_s = boottime_s() + START_TTL_S
        try:
            async with pool.acquire() as connection:
                started = await messages.start(connection, starts, platform=platform, worker_id=worker_id)
        except TRANSIENT as error:
            log.warning("start_waits_for_database", error=type(error).__name__)
            if boottime_s() - began > _PATIENCE_S:
                return {}, deadline_s
            await asyncio.sleep(_RETRY_S)
        else:
            return started, deadline_s


def sort_out(
    items: Sequence[Prepared], started: Mapping[int, int], deadline_s: float, grant: RateGrant, *, probe: bool
) -> tuple[list[Started], list[Prepared]]:
    """Give those that may be written, until their last look is too old, and those without a start."""
    ready = [
        Started(
            item,
            started[item.start.message_id],
            min(deadline_s, item.looked_at + ON_ITS_WAY.total_seconds()),
            grant,
            probe,
        )
        for item in items
        if item.start.message_id in started
    ]
    return ready, [item for item in items if item.start.message_id not in started]


async def unseen(pool: Pool, starts: Sequence[Start]) -> dict[int, int]:
    """Give attempt ids by message id of starts that a lost connection committed without an answer."""
    while True:
        try:
            async with pool.acquire() as connection:
                return await messages.started_unseen(connection, starts)
        except TRANSIENT:
            await asyncio.sleep(_RETRY_S)
