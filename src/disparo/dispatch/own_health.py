"""What ails a worker that only a new start mends: too much memory, or a queue it picks nothing from."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import structlog

from disparo import queue
from disparo.db.pool import Pool
from disparo.queue.hands import Hands

log = structlog.get_logger(__name__)

#: An entry is picked within 2 s by whoever has a hand free; a statement of the engine fails after 20.
_OVERDUE_S = 5.0
#: Looks in a row at entries that nobody picks. Counted, since a process that was frozen has seen none go by.
_LOOKS = 8


class OwnHealth:
    """The looks of one worker, one every few seconds; each tells whether it must start anew, and logs why."""

    def __init__(self, hands: Hands, *, memory_mb: int, has_worked: Callable[[], bool]) -> None:
        self._hands = hands
        self._memory_mb = memory_mb
        self._has_worked = has_worked
        self._picked = Counter[str]()
        self._looks = Counter[str]()

    def is_too_large(self) -> bool:
        """Tell whether its memory is over the limit.

        Not before it has done something: a limit set too low must slow work down, never stop it.
        """
        if not self._has_worked() or _memory_mb() <= self._memory_mb:
            return False
        log.warning("worker_restarts_for_memory", limit_mb=self._memory_mb)
        return True

    async def is_idle_beside_work(self, pool: Pool) -> bool:
        """Tell whether entries wait for long though a hand is free: the engine asks no more, or in vain."""
        async with pool.acquire() as connection:
            overdue = await queue.kinds_overdue(connection, overdue_s=_OVERDUE_S)
        for kind in queue.KINDS:
            picked = self._hands.picked(kind)
            waits = kind in overdue and self._hands.is_any_free(kind) and picked == self._picked[kind]
            self._picked[kind] = picked
            self._looks[kind] = self._looks[kind] + 1 if waits else 0
            if self._looks[kind] >= _LOOKS:
                log.error("worker_restarts_for_queue", kind=kind)
                return True
        return False


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576
