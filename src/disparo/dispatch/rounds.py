"""Work that comes again and again: one bad round ends nothing, and keeps nothing else from its turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog

from disparo.db.pool import TRANSIENT

log = structlog.get_logger(__name__)

Part = Callable[[], Awaitable[object]]


async def go_round(parts: Mapping[str, Part]) -> None:
    """Do each part, by its name; a database that is away, or whatever else ails one, is logged under it."""
    for name, part in parts.items():
        try:
            await part()
        except TRANSIENT as error:
            log.warning("waits_for_database", job=name, error=type(error).__name__)
        except Exception:  # the next round may go well; without this job the process would only seem to live
            log.exception("round_failed", job=name)
