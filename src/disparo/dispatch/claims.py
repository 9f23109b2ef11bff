"""What a worker holds: its name to the database, its claims, and the messages they brought."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from disparo.db.messages import Start


@dataclass(slots=True)
class Holder:
    """Who this worker is to the database now, and which of its claims it still works on."""

    worker_id: UUID
    tokens: set[UUID] = field(default_factory=set)
    preparing: int | None = None
    ending: bool = False


@dataclass(slots=True)
class Batch:
    """What one claim brought: `done` once none of it is in this worker's hands."""

    left: int
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def settle(self) -> None:
        """Count one message off."""
        self.left -= 1
        if self.left <= 0:
            self.done.set()


class Prepared(NamedTuple):
    """A claimed message, looked at (time.monotonic()) and rendered: only the start is missing."""

    start: Start
    reference: str
    e164: str
    not_taken: int
    urgent: bool
    batch: Batch
    looked_at: float
