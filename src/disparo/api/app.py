"""The composition root of a server process: settings in, an ASGI application out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Receive, Scope, Send

from disparo import __version__, life_signs
from disparo.api import docs_page, health, webhooks
from disparo.api.beside import open_beside
from disparo.api.callers import Callers
from disparo.api.cors import Cors
from disparo.api.doors import doors_of
from disparo.api.edge import Edge
from disparo.api.errors import install_handlers
from disparo.api.hubsoft import bulk_routes, lookups, oauth, opt_out_routes, pass_through, pushes, routes
from disparo.api.hubsoft.express import Express
from disparo.api.served_certificate import ServedCertificate
from disparo.api.services import Services
from disparo.auth import signing_keys
from disparo.auth.live_tokens import LiveTokens
from disparo.auth.passwords import PasswordChecker
from disparo.auth.throttle import Throttle
from disparo.db import figures
from disparo.db.pool import GIVEN_UP_S, SOON_S, open_pool
from disparo.dispatch import own_signs
from disparo.dispatch.figures import Costly, fold_forever
from disparo.dispatch.from_settings import accept_settings_of, platforms_of
from disparo.dispatch.group_commit import Acceptor
from disparo.dispatch.heartbeats import Heartbeats
from disparo.dispatch.intake import Intake
from disparo.dispatch.warm_up import warm_up
from disparo.errors import DisparoError
from disparo.panel.app import Panel
from disparo.panel.services import PanelServices
from disparo.platforms.base import Platform
from disparo.settings import Settings
from disparo.settings_watch import SettingsWatch, say_what_waits

log = structlog.get_logger(__name__)

_PAUSE_S = 1.0

_DESCRIPTION = (
    "Envia faturas por SMS para provedores de internet. Compatível com a rota "
    "`POST /api/v1/integracao/cliente/financeiro/enviar_sms` da API de integração do HubSoft."
)


def build_app(
    settings: Settings,
    dsn: str,
    *,
    watch: SettingsWatch | None = None,
    ending: asyncio.Event | None = None,
    fall: Callable[[], None] = lambda: None,
    refuse: Callable[[DisparoError], None] = lambda _error: None,
    served: ServedCertificate | None = None,
) -> ASGIApp:
    """Build the application; connections open when the server starts it.

    `watch` sees the settings change; `ending` is set when the server is asked to stop;
    `fall` is called when a part of it is gone, without which it would only seem to serve; `refuse` with
    why it cannot start. `served`: the certificate it is served with, renewed while it runs.
    """
    panel, stops = Panel(), ending or asyncio.Event()

    def begin(services: Services) -> None:
        app.state.services = express.services = services
        panel.open(_panel_services(services, stops))

    def use(changed: Settings) -> None:
        begin(_exchange(app.state.services, changed))
        say_what_waits(settings, changed)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                begin(await _open_services(stack, settings, dsn, fall))
            except DisparoError as error:
                refuse(error)
                raise
            stack.push_async_callback(lambda: _close(app.state.services.platforms))
            _keep(stack, warm_up(panel.load), fall)
            if served is not None:
                _keep(stack, _again_and_again(served.run), fall)
            if watch is not None:
                _keep(stack, watch.run(use), fall)
                _keep(stack, _say_signs(app.state.services, watch, served), fall)
            yield

    app = _routes(settings, lifespan)
    express = Express(Cors(app, settings.cors_origins), app)
    return Edge(_Rooms(panel, express), Callers(settings.trusted_proxies))


def _routes(settings: Settings, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    app = FastAPI(
        title="Disparo",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # docs_page
        redoc_url=None,
    )
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    install_handlers(app)
    for router in (
        oauth.router,
        bulk_routes.router,
        lookups.router,
        pushes.router,
        routes.router,
        opt_out_routes.router,
        webhooks.router,
        health.router,
        docs_page.router,
    ):
        app.include_router(router)
    if settings.hubsoft_url:  # last: only what nothing above serves
        app.include_router(pass_through.router)
    return app


def _panel_services(services: Services, ending: asyncio.Event) -> PanelServices:
    return PanelServices(
        settings=services.settings,
        pool=services.pool,
        passwords=services.passwords,
        throttle=services.throttle,
        platforms=services.platforms,
        accept=accept_settings_of(services.settings),
        heartbeats=services.heartbeats,
        ending=ending,
        lookout=None if services.beside is None else services.beside.lookout,
    )


def _document(app: FastAPI) -> dict[str, Any]:
    """Give the OpenAPI document, with what a token is and which routes need one."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemes = found.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["token"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        for path, operations in found["paths"].items():
            for operation in operations.values() if path.startswith("/api/") else ():
                operation["security"] = [{"token": []}]
        app.openapi_schema = found
    return app.openapi_schema


async def _open_services(
    stack: AsyncExitStack, settings: Settings, dsn: str, fall: Callable[[], None]
) -> Services:
    pool, quick = [
        await stack.enter_async_context(
            open_pool(dsn, size=6, name="disparo-server", whole=True, patience_s=patience_s)
        )
        for patience_s in (GIVEN_UP_S, SOON_S)
    ]
    platforms = platforms_of(settings)
    services = Services(
        settings=settings,
        pool=pool,
        quick=quick,
        mint=await signing_keys.open_mint(pool),
        live_tokens=LiveTokens(quick, dsn),
        passwords=PasswordChecker(),
        throttle=Throttle(quick),
        acceptor=Acceptor(
            quick,
            accept_settings_of(settings),
            grouped=settings.group_commit,
            most_waiting=settings.most_waiting,
        ),
        intake=Intake(quick),
        platforms=platforms,
        heartbeats=Heartbeats(quick),
        queued=Costly(figures.count_queued),
        doors=doors_of(settings.platforms),
        beside=await stack.enter_async_context(open_beside(settings, dsn, pool)),
    )
    rounds = (
        life_signs.give_forever,
        services.live_tokens.run,
        services.heartbeats.run,
        lambda: fold_forever(pool),
        lambda: signing_keys.read_forever(quick, services.mint),
    )
    for job in (
        services.acceptor.run(),
        services.intake.run(),
        *(_again_and_again(each) for each in rounds),
    ):
        _keep(stack, job, fall)
    return services


async def _again_and_again(rounds: Callable[[], Coroutine[None, None, None]]) -> None:
    """Begin what looks or counts now and then anew, whatever ends it: it holds nobody's call."""
    while True:
        try:
            await rounds()
        except Exception:  # the next time may go well
            log.exception("round_failed")
            await asyncio.sleep(_PAUSE_S)


def _say_signs(
    services: Services, watch: SettingsWatch, served: ServedCertificate | None
) -> Coroutine[None, None, None]:
    """Say what only this process sees."""

    def look() -> list[own_signs.Sign]:
        of_certificate = [] if served is None else served.signs(services.settings.zone)
        return [*own_signs.refusals(watch), *of_certificate]

    return _again_and_again(lambda: own_signs.say_forever(services.pool, look))


def _keep(stack: AsyncExitStack, job: Coroutine[None, None, None], fall: Callable[[], None]) -> None:
    task = asyncio.create_task(job)
    task.add_done_callback(partial(_end_if_fallen, fall))
    stack.push_async_callback(_end, task)


def _end_if_fallen(fall: Callable[[], None], task: asyncio.Task[None]) -> None:
    """A server of which a part is gone would go on listening, and answer for ever that it is busy."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("server_restarts_for_fault", exc_info=error)
        fall()


def _exchange(services: Services, settings: Settings) -> Services:
    """Give the services that go on with other settings; where the server listens stays as it is."""
    platforms, doors = platforms_of(settings), doors_of(settings.platforms)
    services.acceptor.use(accept_settings_of(settings))
    closing = asyncio.create_task(_close(services.platforms))
    _CLOSING.add(closing)
    closing.add_done_callback(_CLOSING.discard)
    return replace(services, settings=settings, platforms=platforms, doors=doors)


#: Tasks nobody waits for: without a name for them they may be collected half done.
_CLOSING: set[asyncio.Task[None]] = set()


async def _close(platforms: Mapping[str, Platform]) -> None:
    for platform in platforms.values():
        await platform.close()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class _Rooms:
    """The panel for people, the API for programs: each has its own pages, errors and headers."""

    def __init__(self, panel: Panel, api: ASGIApp) -> None:
        self._panel = panel
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        at_panel = scope["type"] == "http" and self._panel.serves(scope["path"])
        await (self._panel if at_panel else self._api)(scope, receive, send)
