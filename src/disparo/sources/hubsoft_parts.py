"""A page that HubSoft cannot make whole, read in parts: one row that it stumbles over keeps back a few."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from disparo.sources.base import Page
from disparo.sources.hubsoft_answers import PageFails

log = structlog.get_logger(__name__)

_PARTS = 10


async def in_parts(fetch: Callable[[int, int], Awaitable[Page]], number: int, per_page: int) -> Page:
    """Read a page, counted from 0, as several of `fetch(number, size)`; raises PageFails where none comes.

    Rows of a part that does not come are not listed: the total, which the others tell, shows how many.
    """
    size = per_page // _PARTS
    first = number * _PARTS
    found: list[Page] = []
    failed: list[int] = []
    for part in range(first, first + _PARTS):
        try:
            found.append(await fetch(part, size))
        except PageFails:
            failed.append(part)
            if not found and len(failed) > 1:  # it is not about a row
                raise
            continue
        if found[-1].is_last:
            break
    log.warning("source_page_in_parts", page=number, rows=size * len(failed), failed=len(failed))
    return _joined(found, (number + 1) * per_page)


def _joined(parts: Sequence[Page], end: int) -> Page:
    """Make one page of parts; `end`: how many rows there are up to its own."""
    total = parts[-1].total
    return Page(
        is_last=parts[-1].is_last or (total is not None and total <= end),
        customers=[row for part in parts for row in part.customers],
        invoices=[row for part in parts for row in part.invoices],
        left_out=sum(part.left_out for part in parts),
        ids=[id_ for part in parts for id_ in part.ids],
        total=total,
        told={id_: told for part in parts for id_, told in part.told.items()},
    )
