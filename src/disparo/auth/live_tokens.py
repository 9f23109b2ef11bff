"""Whose a token is: asked of the database, and remembered only while every change is sure to be heard of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import structlog

from disparo.db import tokens
from disparo.db.pool import TRANSIENT, Pool, connect
from disparo.domain.windows import Purpose
from disparo.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

_BEAT_EVERY_S = 1.0
#: So long after a beat that came back is asked for nothing anew: what a dead line could hide at most.
_PROOF_HOLDS_S = 2.5
_RETRY_S = 1.0
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Grant:
    """A live token's user and API client, and what they are set to; None: the installation's setting."""

    client_id: int
    user_id: int
    permissions: frozenset[str]
    error_codes: str
    purpose: Purpose
    repeat_window_s: int
    rate_per_s: float | None
    rate_burst: int | None
    extra_phones_per_day: int | None
    expires_at: datetime


class LiveTokens:
    """One for each server process; without `run`, or while its connection is away, every read asks.

    The connection that listens also sends: a beat goes through the database once a second and must come
    back by the same way. So a line that went dead in silence, or a pooler that swallows LISTEN, is found
    out, and notifications come in the order of their commits: a beat proves that all before it was heard.
    """

    def __init__(self, pool: Pool, dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._known: dict[UUID, Grant] = {}
        self._changes = 0
        self._proven_until = 0.0
        self._beat_of_mine = f"beat:{uuid4().hex}"
        self._sent_at = 0.0
        self._came_back = asyncio.Event()
        self._is_news = True  # an outage is told of once

    async def read(self, jti: UUID) -> Grant | None:
        """Ask the database; None if the token is not alive."""
        changes = self._changes
        async with self._pool.acquire() as connection:
            row = await tokens.read_live(connection, jti)
        if row is None:
            return None
        grant = grant_to(row, row["user_id"], row["permissions"], row["expires_at"])
        # A change heard while the answer was on its way may be younger than the answer.
        if self._is_told and changes == self._changes:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[jti] = grant
        return grant

    async def read_remembered(self, jti: UUID) -> Grant | None:
        """Give what is known, and ask the database only where it is not; None if the token is not alive."""
        grant = self._known.get(jti)
        if grant is not None and self._is_told and grant.expires_at > datetime.now(UTC):
            return grant
        return await self.read(jti)

    @property
    def _is_told(self) -> bool:
        return time.monotonic() < self._proven_until

    async def run(self) -> None:
        """Listen until cancelled; a connection that is lost is opened anew."""
        while True:
            try:
                await self._listen()
            except (*TRANSIENT, DatabaseUnavailable, asyncpg.PostgresError) as error:
                if self._is_news:
                    log.warning("token_changes_not_heard", error=type(error).__name__)
                self._is_news = False
            finally:
                self._forget()
                self._proven_until = 0.0
            await asyncio.sleep(_RETRY_S)

    async def _listen(self) -> None:
        connection = await connect(self._dsn)
        try:
            await connection.execute("SET application_name = 'disparo-listener'")
            connection.add_termination_listener(self._cut)
            await connection.add_listener(tokens.CHANGES, self._hear)
            while True:
                self._came_back.clear()
                self._sent_at = time.monotonic()
                async with asyncio.timeout(_PROOF_HOLDS_S):
                    await tokens.tell(connection, self._beat_of_mine)
                    await self._came_back.wait()
                await asyncio.sleep(_BEAT_EVERY_S)
        finally:
            connection.terminate()

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == self._beat_of_mine:
            if not self._is_told:  # what was read before may be older than what we could not hear
                self._forget()
            self._proven_until = self._sent_at + _PROOF_HOLDS_S
            self._came_back.set()
            self._is_news = True
        elif payload == tokens.CHANGED:
            self._forget()

    def _cut(self, _connection: object) -> None:
        self._proven_until = 0.0
        self._forget()

    def _forget(self) -> None:
        self._changes += 1
        self._known.clear()


def grant_to(
    client: Mapping[str, Any] | asyncpg.Record, user_id: int, permissions: Iterable[str], until: datetime
) -> Grant:
    """Give what a user may do through an API client, whose row tells what it is set to."""
    return Grant(
        client_id=client["client_id"],
        user_id=user_id,
        permissions=frozenset(permissions),
        error_codes=client["error_codes"],
        purpose=Purpose(client["purpose"]),
        repeat_window_s=client["repeat_window_s"],
        rate_per_s=client["rate_per_s"],
        rate_burst=client["rate_burst"],
        extra_phones_per_day=client["extra_phones_per_day"],
        expires_at=until,
    )
