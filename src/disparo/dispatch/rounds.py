"""Work that comes again and again: one bad round ends nothing, and keeps nothing else from its turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import structlog

from disparo.db.pool import TRANSIENT

log = structlog.get_logger(__name__)

Part = Callable[[], Awaitable[object]]
T = TypeVar("T")


async def go_round(parts: Mapping[str, Part]) -> None:
    """Do each part in its turn, whatever ails those before it."""
    for name, part in parts.items():
        await tried(name, part)


async def tried(name: str, part: Callable[[], Awaitable[T]]) -> T | None:
    """Do a part; None where a database that is away, or whatever else ails it, was logged under its name."""
    try:
        return await part()
    except TRANSIENT as error:
        log.warning("waits_for_database", job=name, error=type(error).__name__)
    except Exception:  # the next round may go well; without this job the process would only seem to live
        log.exception("round_failed", job=name)
    return None
