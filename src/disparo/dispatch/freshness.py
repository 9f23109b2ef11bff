"""Ask a live source again, just before a hand-over, for data that is old (docs/delivery.md §5)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from disparo.db import alerts, messages
from disparo.db.pool import Pool
from disparo.dispatch.rules import Wait

log = structlog.get_logger(__name__)

_ALERT = "source_down"
_WAIT_S = 60.0
#: A source that was just down is not asked again by every chunk: each would wait for its timeout.
_LEAVE_ALONE_S = 15.0
#: How far the clocks of two of our machines may be apart.
_CLOCKS_APART_S = 60.0


class SourceDown(Exception):
    """A live source gave no usable answer; it may later."""


class Source(Protocol):
    """A live source, as dispatching needs it; the composition root passes it in."""

    @property
    def name(self) -> str:
        """Give the name under which `invoices.source` knows it."""
        ...

    async def refresh(self, invoice_ids: Sequence[int]) -> set[int]:
        """Ask for these invoices again and store the answer; raises SourceDown.

        Gives those of which the source, which is there, has no answer that can be read. No connection is held
        while it is asked.
        """
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows of `claimed_facts.sql`, read again after asking; `waits`: messages that must wait, by id."""

    rows: Sequence[Mapping[str, Any]]
    waits: Mapping[int, Wait]


@dataclass(slots=True)
class Freshness:
    """Asks live sources for one worker. `single_waits`: single messages wait too while a source is down."""

    pool: Pool
    sources: Mapping[str, Source]
    max_age_s: float
    single_waits: bool = False
    _down_until: dict[str, float] = field(default_factory=dict)
    _failed_for: dict[str, set[int]] = field(
        default_factory=dict
    )  # the last question, where it had no answer

    async def check(self, rows: Sequence[Mapping[str, Any]]) -> Checked:
        """Ask again for invoices that are too old. The rows are claimed; none of them has started."""
        stale = self._stale(rows)
        if not stale:
            return Checked(rows, {})
        unsure = {name: await self._refresh(name, found) for name, found in stale.items()}
        waits = {
            row["id"]: Wait(_later(row["now"]), _ALERT)
            for name, found in stale.items()
            for row in found
            if row["invoice_id"] in unsure[name] and (self.single_waits or not row["urgent"])
        }
        async with self.pool.acquire() as connection:
            again = await messages.claimed_facts(connection, [row["id"] for row in rows])
        return Checked([dict(row) for row in again], waits)

    def _stale(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            name, age_s = row["invoice_source"], row["invoice_age_s"]
            # Of a time to come it is where the clock was set back since: nobody knows how old.
            is_old = age_s is None or not -_CLOCKS_APART_S <= age_s <= self.max_age_s
            # What is already paid or cancelled is not going to be sent: no need to ask.
            if is_old and self.max_age_s and name in self.sources and row["invoice_status"] == "open":
                found.setdefault(name, []).append(row)
        return found

    async def _refresh(self, name: str, rows: Sequence[Mapping[str, Any]]) -> set[int]:
        """Ask for the invoices of these rows; gives those of which nobody knows what became of them."""
        wanted = {row["invoice_id"] for row in rows}
        if time.monotonic() < self._down_until.get(name, 0.0):
            return wanted
        try:
            unanswered = await self.sources[name].refresh(sorted(wanted))
        except SourceDown as error:
            # It may be about these alone: others must not go unasked for that.
            if not wanted <= self._failed_for.get(name, wanted):
                self._down_until[name] = time.monotonic() + _LEAVE_ALONE_S
            self._failed_for[name] = wanted
            log.warning("source_down", source=name, error=str(error))
            await self._tell(name, is_down=True)
            return wanted
        await self._tell(name, is_down=False)
        return unanswered

    async def _tell(self, name: str, *, is_down: bool) -> None:
        if not is_down:
            self._down_until.pop(name, None)
            self._failed_for.pop(name, None)
        async with self.pool.acquire() as connection:
            await (alerts.raise_ if is_down else alerts.clear)(connection, _ALERT, name)


def _later(now: datetime) -> datetime:
    return now + timedelta(seconds=_WAIT_S)
