"""Judges at the end of a run whether every worker still takes what waits: the others are frozen for a moment."""

from __future__ import annotations

import asyncio
import signal
import time

import asyncpg
from tests.faults.reconcile import WAITING
from tests.support import rows
from tests.support.stage import Stage

from disparo import queue

_FIRST_INVOICE = 50_000_000
#: Less than the 6 s after which the frozen ones would be taken over.
_PATIENCE_S = 5.0
#: One that was frozen may have held what this one waited for.
_TRIES = 3


async def idle_workers(
    stage: Stage, connection: asyncpg.Connection, *, patience_s: float = _PATIENCE_S
) -> list[str]:
    """Name the workers that do not take a message though they are alone with it."""
    idle, workers = [], stage.workers
    for number, role in enumerate(workers):
        others = [other for other in workers if other is not role]
        for attempt in range(_TRIES):
            for other in others:
                other.signal(signal.SIGSTOP)
            try:
                took = await _takes_one(connection, _FIRST_INVOICE + number * _TRIES + attempt, patience_s)
            finally:
                for other in others:
                    other.signal(signal.SIGCONT)
            await asyncio.sleep(1.0)  # they beat
            if took:
                break
        else:
            idle.append(role.name)
    return idle


async def _takes_one(connection: asyncpg.Connection, invoice_id: int, patience_s: float) -> bool:
    async with connection.transaction():
        (message_id,) = await rows.add_messages(connection, first_id=invoice_id)
        await queue.enqueue(connection, [queue.WakeUp(await rows.chunk_of(connection, message_id))])
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if (await rows.statuses(connection, [message_id]))[0] not in WAITING:
            return True
        await asyncio.sleep(0.1)
    return False
