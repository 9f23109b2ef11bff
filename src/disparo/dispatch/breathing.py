"""Goes through many rows without keeping a worker's other tasks waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

#: Looking at so many takes less than a ms; starts, outcomes and moments that have come wait no longer.
_AT_A_STRETCH = 16


async def breathing(rows: Iterable[Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
    """Give rows one after the other, and let other tasks run now and then."""
    for place, row in enumerate(rows, 1):
        yield row
        if place % _AT_A_STRETCH == 0:
            await asyncio.sleep(0)
