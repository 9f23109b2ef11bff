"""Tells workers apart that have a connection to a platform from those that get none: an account allows few.

Who gets none leaves the platform's messages to those who have one, and says nothing against the platform.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from uuid import UUID

import structlog

from disparo.db import seats
from disparo.db.pool import Connection
from disparo.dispatch.claims import Holder
from disparo.dispatch.lane import Lane

log = structlog.get_logger(__name__)

#: Whoever has the connection says so within a second; a stopped platform is an alarm.
_SAID_WITHIN_S = 3.0


class Seats:
    """What one worker tells the others of its connections, and knows of theirs."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._told: tuple[UUID, frozenset[str]] | None = None
        self._refused_since: dict[str, float] = {}
        self._said: set[str] = set()

    async def look(self, connection: Connection, lanes: Mapping[str, Lane]) -> None:
        """Tell and learn who is connected; what a lane saw because it is not is nothing that others see."""
        links = {name: link for name, lane in lanes.items() if (link := lane.platform.link) is not None}
        if not links and self._told is None:
            return
        mine = (self._holder.worker_id, frozenset(name for name, link in links.items() if link.is_up))
        if mine != self._told and await seats.keep(connection, *mine):
            self._told = mine
        theirs = await seats.of_others(connection, self._holder.worker_id)
        now = time.monotonic()
        for name, link in links.items():
            lanes[name].others_are_connected = name in theirs
            if link.is_up:
                self._said.discard(name)
            if link.refused is None or name in theirs:
                self._refused_since.pop(name, None)
            else:
                self._refused_since.setdefault(name, now)
            if lanes[name].is_left_to_others:
                lanes[name].breaker.take_back()
                self._say(name, link.refused)

    def may_be_taken(self, name: str) -> bool:
        """Tell whether this worker gets no connection, and it is too early to say that nobody has one."""
        since = self._refused_since.get(name)
        return since is not None and time.monotonic() - since < _SAID_WITHIN_S

    def _say(self, name: str, code: str | None) -> None:
        if name not in self._said:
            self._said.add(name)
            log.warning(
                "bind_left_to_others",
                platform=name,
                code=code,
                hint="the account allows fewer binds than workers x binds: this worker sends nothing by it",
            )
