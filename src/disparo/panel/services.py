"""What the panel works with, made by the composition root when a server process starts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from disparo.auth.passwords import PasswordChecker
from disparo.auth.throttle import Throttle
from disparo.db.pool import Pool
from disparo.dispatch.calls import AcceptSettings
from disparo.dispatch.heartbeats import Heartbeats
from disparo.platforms.base import Platform
from disparo.settings import Settings
from disparo.sources.lookout import Lookout


@dataclass(frozen=True, slots=True)
class PanelServices:
    """`ending` is set when the process is asked to stop: pages that go on by themselves end then.

    `lookout`: asks HubSoft for an invoice that nobody knows; None where there is none beside us.
    """

    settings: Settings
    pool: Pool
    passwords: PasswordChecker
    throttle: Throttle
    platforms: Mapping[str, Platform]
    accept: AcceptSettings
    heartbeats: Heartbeats
    ending: asyncio.Event
    lookout: Lookout | None


def services_of(request: Request) -> PanelServices:
    """Give the services of the process that serves this request."""
    found: PanelServices = request.app.state.services
    return found
