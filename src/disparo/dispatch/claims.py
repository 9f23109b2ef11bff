"""What a worker holds: its id in the database, its claims, and the messages that they brought."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from disparo.db.messages import Start


@dataclass(slots=True)
class Holder:
    """This worker as the database knows it: its id, and the tokens of the claims that it still works on.

    `ending`: it starts nothing more; `left`: its row goes, or has gone.
    """

    worker_id: UUID
    tokens: set[UUID] = field(default_factory=set)
    preparing: int | None = None
    ending: bool = False
    left: bool = False

    async def forget(self, token: UUID, batch: Batch) -> None:
        """Wait until no message of a claim is in this worker's hands, and forget its token."""
        if batch.left:
            await batch.done.wait()
        self.tokens.discard(token)


@dataclass(slots=True)
class Batch:
    """The messages of one claim that are still in this worker's hands; `done` once there are none."""

    left: int
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def settle(self) -> None:
        """Count one message less."""
        self.left -= 1
        if self.left <= 0:
            self.done.set()


class Prepared(NamedTuple):
    """A claimed message, rendered and ready to start; `looked_at` in seconds of CLOCK_BOOTTIME."""

    start: Start
    reference: str
    e164: str
    not_taken: int
    urgent: bool
    batch: Batch
    looked_at: float
