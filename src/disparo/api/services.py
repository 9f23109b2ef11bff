"""The objects that one server process works with, made when it starts and handed to every route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg
from fastapi import Request

from disparo.api.beside import Beside
from disparo.api.doors import Door
from disparo.api.turns import Turns
from disparo.auth.live_tokens import LiveTokens
from disparo.auth.passwords import PasswordChecker
from disparo.auth.throttle import Throttle
from disparo.auth.tokens import TokenMint
from disparo.db.pool import Pool
from disparo.dispatch.figures import Costly
from disparo.dispatch.group_commit import Acceptor
from disparo.dispatch.heartbeats import Heartbeats
from disparo.dispatch.intake import Intake
from disparo.platforms.base import Platform
from disparo.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """What routes work with. `doors`: of the webhooks, by platform. `beside`: None without HubSoft.

    `quick`: connections for what every call and every monitor needs, in short statements; all else, which
    may be slow, has `pool`, and keeps no SMS and no receipt waiting for a connection.
    """

    settings: Settings
    pool: Pool
    quick: Pool
    mint: TokenMint
    live_tokens: LiveTokens
    passwords: PasswordChecker
    throttle: Throttle
    acceptor: Acceptor
    intake: Intake
    platforms: Mapping[str, Platform]
    heartbeats: Heartbeats
    queued: Costly[list[asyncpg.Record]]
    doors: Mapping[str, Door]
    beside: Beside | None
    turns: Turns = field(default_factory=Turns)


def services_of(request: Request) -> Services:
    """Give the services of the process that serves this request."""
    found: Services = request.app.state.services
    return found
