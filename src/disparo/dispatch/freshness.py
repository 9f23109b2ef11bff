"""Ask a live source again, just before a hand-over, for data that is old (docs/delivery.md §5)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import structlog

from disparo.db import alerts, messages
from disparo.db.pool import Pool
from disparo.dispatch.rules import Wait

log = structlog.get_logger(__name__)

#: Why a message waits, in its history.
_REASON = "source_down"
#: Each look at a message that waits adds two events to its history, which is kept for years: the longer a
#: source is down, the rarer the looks at messages of bulk runs, each after a quarter of the outage so far.
_WAIT_S, _LONGEST_WAIT_S, _PART_OF_OUTAGE = 60.0, 600.0, 0.25
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
        """Ask for these invoices again and store the answer; raises SourceDown. Several may ask at once.

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
class _Outage:
    """What this worker has seen of one, by its monotonic clock."""

    began_at: float
    seen_at: float


@dataclass(slots=True)
class Freshness:
    """Asks live sources for one worker. `single_waits`: single messages wait too while a source is down."""

    pool: Pool
    sources: Mapping[str, Source]
    max_age_s: float
    single_waits: bool = False
    _down_until: dict[str, float] = field(default_factory=dict)
    _outages: dict[str, _Outage] = field(default_factory=dict)
    #: The last question, where it had no answer.
    _failed_for: dict[str, set[int]] = field(default_factory=dict)

    async def check(
        self,
        rows: Sequence[Mapping[str, Any]],
        must_wait: Callable[[Mapping[str, Any]], bool] = lambda _row: False,
        about_to_ask: Callable[[], Awaitable[None]] | None = None,
    ) -> Checked:
        """Ask again for invoices that are too old. The rows are claimed; none of them has started.

        What has to wait is not asked for: all that is left of a run at the end of its hours comes by.
        `about_to_ask` is called before a question, which may take seconds.
        """
        waiting = [row for row in rows if must_wait(row)]
        waits_anyway = {row["id"] for row in waiting}
        going = [row for row in rows if row["id"] not in waits_anyway]
        stale = self._stale(going)
        if not stale:
            return Checked(rows, {})
        if about_to_ask is not None:
            await about_to_ask()
        unsure = {name: await self._refresh(name, found) for name, found in stale.items()}
        waits = {
            row["id"]: Wait(row["now"] + self._wait(name, urgent=row["urgent"]), _REASON)
            for name, found in stale.items()
            for row in found
            if row["invoice_id"] in unsure[name] and (self.single_waits or not row["urgent"])
        }
        async with self.pool.acquire() as connection:
            again = await messages.claimed_facts(connection, [row["id"] for row in going])
        # Read again, what was not asked for might go: its hours may have begun meanwhile.
        return Checked([*(dict(row) for row in again), *waiting], waits)

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
            self._note_outage(name)
            log.warning("source_down", source=name, error=str(error))
            await self._tell(name, is_down=True)
            return wanted
        await self._tell(name, is_down=False)
        return unanswered

    async def _tell(self, name: str, *, is_down: bool) -> None:
        if not is_down:
            self._down_until.pop(name, None)
            self._failed_for.pop(name, None)
            self._outages.pop(name, None)
        async with self.pool.acquire() as connection:
            await (alerts.raise_ if is_down else alerts.clear)(connection, alerts.SOURCE_DOWN, name)

    def _note_outage(self, name: str) -> None:
        now = time.monotonic()
        outage = self._outages.setdefault(name, _Outage(now, now))
        if now - outage.seen_at > 2 * _LONGEST_WAIT_S:  # nobody asked meanwhile: this is another one
            outage.began_at = now
        outage.seen_at = now

    def _wait(self, name: str, *, urgent: bool) -> timedelta:
        outage = None if urgent else self._outages.get(name)
        down_s = 0.0 if outage is None else time.monotonic() - outage.began_at
        return timedelta(seconds=min(max(_WAIT_S, down_s * _PART_OF_OUTAGE), _LONGEST_WAIT_S))
