"""How far a dispatch is, and what keeps the rest of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from disparo.db import bulk_runs, dispatch_pages, message_pages, platform_states
from disparo.db.pool import Connection
from disparo.domain.message import GONE, IN_HAND, STILL_GOING, Status, count_in
from disparo.panel.services import PanelServices
from disparo.wording import words
from disparo.wording.platform_words import none_in_use
from disparo.wording.reason_words import waits_for


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a dispatch is, and when the next go; of a bulk run also its state, whether its list is whole.

    `waits_for`: why no sooner; `stopped_by`: why nothing at all goes now, as a sentence; `is_worked_on`:
    whether a worker lives, who makes lists as well; `is_withdrawn`: what waits was being handed over when it
    was cancelled, and goes no more.
    """

    counts: Mapping[str, int]
    state: str | None = None
    is_whole: bool = True
    next_at: datetime | None = None
    stopped_by: str | None = None
    waits_for: str | None = None
    is_worked_on: bool = True
    is_withdrawn: bool = False

    @property
    def total(self) -> int:
        """Every message."""
        return sum(self.counts.values())

    @property
    def waiting(self) -> int:
        """What has not gone yet, and goes by itself: not what is held."""
        return count_in(self.counts, STILL_GOING)

    @property
    def is_going(self) -> bool:
        """Whether a worker has some of it in hand; what a dead one had waits for the next."""
        return self.is_worked_on and count_in(self.counts, IN_HAND) > 0

    @property
    def gone(self) -> int:
        """What was handed over, or may have been."""
        return count_in(self.counts, GONE)

    @property
    def not_arrived(self) -> int:
        """What did not arrive, or may not have, but for what was withdrawn."""
        return count_in(self.counts, message_pages.NOT_ARRIVED)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to hand over."""
        return self.waiting == 0 and (self.is_whole or self.state in ("cancelled", "done"))


async def read_progress(
    connection: Connection, services: PanelServices, dispatch_id: UUID
) -> tuple[Progress, dict[str, int]]:
    """Give how far a dispatch is, and what a bulk run left out, by reason."""
    run = await bulk_runs.read(connection, dispatch_id)
    stopped_by = await what_stops_all(connection, services)
    is_worked_on = services.heartbeats.alive > 0
    if run is None:
        counts = await dispatch_pages.counts(connection, dispatch_id)
        next_at, why, is_withdrawn = None, None, False
        if Status.QUEUED in counts:
            row = await dispatch_pages.next_of_single(connection, dispatch_id)
            next_at, why, is_withdrawn = row["next_at"], _waits_for(row), row["is_withdrawn"]
        return Progress(
            counts,
            next_at=next_at,
            stopped_by=stopped_by,
            waits_for=why,
            is_worked_on=is_worked_on,
            is_withdrawn=is_withdrawn,
        ), {}
    counts, tallies = json.loads(run["counts"] or "{}"), json.loads(run["tallies"] or "{}")
    left_out = {reason: total for reason, total in tallies.items() if reason in words.LEFT_OUT}
    is_whole, why = bool(run["is_queued"]), _waits_for(run)
    return (
        Progress(
            counts,
            run["state"],
            is_whole,
            run["next_at"],
            stopped_by,
            why,
            is_worked_on,
            run["is_withdrawn"],
        ),
        left_out,
    )


def _waits_for(run: asyncpg.Record) -> str | None:
    return waits_for(run["next_at"], run["waits_for"], starts_at=run["starts_at"])


async def what_stops_all(connection: Connection, services: PanelServices) -> str | None:
    """Say what keeps everything, whatever dispatch it is of; None where something may go."""
    if not services.heartbeats.alive:
        return "O programa de envio está parado: avise quem administra."
    return none_in_use(services.platforms, await platform_states.read(connection))
