"""Loads once, as a server or worker begins, what is slow to load, and keeps the garbage collector off it.

Modules, tables and calendars stay until the process ends. Walked again at every full collection they cost a
worker a fifth of its time (docs/decisions/0023). And files are read before `pip` can put another version's
in their place.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from disparo.db.pool import load_statements
from disparo.dispatch.calendar import load_calendar

#: New objects before the youngest are looked at: a group of messages is some thousands, gone all at once.
_YOUNGEST = 10_000


async def warm_up(*more: Callable[[], None]) -> None:
    """Load calendar, statements and what `more` loads aside; then take all there is as here to stay."""
    for load in (load_calendar, load_statements, *more):
        await asyncio.to_thread(load)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNGEST, 20, 20)
