"""Connections to HubSoft, which a server process beside it keeps (docs/api.md §5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from disparo.db.pool import Pool
from disparo.settings import Settings
from disparo.sources.build import build_hubsoft, build_sync
from disparo.sources.hubsoft import CONNECT_TIMEOUT_S, Hubsoft
from disparo.sources.hubsoft_answers import LONGEST_HEADER
from disparo.sources.hubsoft_tokens import HubsoftTokens
from disparo.sources.lookout import Lookout

_CONNECTIONS = 256


@dataclass(frozen=True, slots=True)
class Beside:
    """Connections to HubSoft: `kept` for reads, which may be repeated; `fresh` for all other calls.

    `tokens`: None where HubSoft's own tokens are not admitted.
    """

    url: str
    hubsoft: Hubsoft
    lookout: Lookout
    tokens: HubsoftTokens | None
    kept: aiohttp.ClientSession
    fresh: aiohttp.ClientSession


@asynccontextmanager
async def open_beside(settings: Settings, dsn: str, pool: Pool) -> AsyncIterator[Beside | None]:
    """Open the connections to HubSoft; None where it is not configured."""
    hubsoft = build_hubsoft(settings)
    if hubsoft is None or settings.hubsoft_url is None:
        yield None
        return
    async with _session(settings, force_close=False) as kept, _session(settings, force_close=True) as fresh:
        try:
            yield Beside(
                url=settings.hubsoft_url,
                hubsoft=hubsoft,
                lookout=Lookout(build_sync(settings, dsn, pool, hubsoft)),
                tokens=None if settings.hubsoft_local_client is None else HubsoftTokens(hubsoft.knows),
                kept=kept,
                fresh=fresh,
            )
        finally:
            await hubsoft.close()


def _session(settings: Settings, *, force_close: bool) -> aiohttp.ClientSession:
    timeout_s = settings.hubsoft_timeout_s
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=_CONNECTIONS, force_close=force_close, ssl=settings.hubsoft_verify_tls
        ),
        # The whole may take long, as long as something comes.
        timeout=aiohttp.ClientTimeout(
            total=timeout_s * 10,
            connect=CONNECT_TIMEOUT_S * 2,
            sock_connect=CONNECT_TIMEOUT_S,
            sock_read=timeout_s,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        max_field_size=LONGEST_HEADER,
        auto_decompress=False,  # its bytes as they are
        skip_auto_headers={"User-Agent", "Accept", "Accept-Encoding", "Content-Type"},
        middlewares=(_once,) if force_close else (),
    )


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send once: a PUT or DELETE that no answer came to aiohttp sends again, over a fresh connection too."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as broken:
        raise aiohttp.ClientConnectionError(type(broken).__name__) from broken
