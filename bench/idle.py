"""A house with nothing to do: how long from the 200 until the platform has the message."""

from __future__ import annotations

import asyncio
import random
import statistics
import time

import aiohttp
import asyncpg
from tests.support.client import SEND
from tests.support.stage import Stage

CALLS = 300
_BETWEEN_S = (0.05, 0.15)


async def ask_now_and_then(stage: Stage) -> dict[str, float]:
    """Call 300 times, one after the other with pauses; gives when each 200 came, by the dispatch's id."""
    answered: dict[str, float] = {}
    headers = {"Authorization": f"Bearer {await stage.token()}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for number in range(1, CALLS + 1):
            async with session.post(stage.base + SEND, json={"id_fatura": number}) as response:
                answer = await response.json()
                answered[answer["disparo"]["id"]] = time.time()
            await asyncio.sleep(random.uniform(*_BETWEEN_S))
    return answered


async def references(dsn: str, dispatches: list[str]) -> dict[str, str]:
    """Give dispatch ids by the reference that the platform was told."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT dispatch_id, reference FROM messages WHERE dispatch_id = ANY($1::uuid[])", dispatches
    )
    await connection.close()
    return {row["reference"]: str(row["dispatch_id"]) for row in rows}


def figures(answered: dict[str, float], taken: dict[str, float], named: dict[str, str]) -> dict[str, float]:
    """Give median and p99 in ms; below 0 where the platform had it before the caller had read the 200."""
    waits = sorted((taken[reference] - answered[dispatch]) * 1000 for reference, dispatch in named.items())
    if len(waits) != CALLS:
        raise RuntimeError(f"{len(waits)} of {CALLS} messages reached the platform")
    return {
        "idle_p50_ms": round(statistics.median(waits), 2),
        "idle_p99_ms": round(waits[int(len(waits) * 0.99)], 2),
    }
