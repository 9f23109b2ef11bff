"""The short way of enviar_sms and of receipts: past CORS, routing and dependencies, to the same functions.

Why: docs/decisions/0040. The route in `hubsoft/routes.py` stays: it documents the call, and answers those
that come from a browser (with `Origin`) or while `group_commit` is off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from disparo.api import webhooks
from disparo.api.access import admit
from disparo.api.header_fields import field_of, fields_of
from disparo.api.hubsoft.mapping import BASE
from disparo.api.hubsoft.sending import answer_send
from disparo.api.protocol import WHOLE_ANSWER
from disparo.api.services import Services
from disparo.auth.permissions import Permission
from disparo.dispatch.group_commit import Busy

_Answer = Callable[[Request], Awaitable[Response]]
_Handler = Callable[[Request, Exception], Awaitable[Response]]

_HOLD_S, _MOST_HELD = 0.25, 4096
PATH = f"{BASE}/cliente/financeiro/enviar_sms"


class Express:
    """Middleware that answers plain enviar_sms calls and receipts; all others go on to the application."""

    def __init__(self, plain: ASGIApp, app: FastAPI) -> None:
        self._plain = plain
        self._app = app
        self._route = Route(PATH, answer_send)  # what a request is counted under
        #: Set before the first call, and anew when the settings change.
        self.services: Services
        self._inside = self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not _is_plain_post(scope):
            await self._plain(scope, receive, send)
        elif scope["path"] == PATH and self.services.settings.group_commit:
            scope["route"] = self._route
            await self._serve(self._answer, scope, self._uncounted(receive), send)
        elif (door := webhooks.door_of(scope["path"])) is not None:
            scope["path_params"] = door
            await self._serve(webhooks.receive, scope, receive, send)
        else:
            await self._plain(scope, receive, send)

    def _uncounted(self, receive: Receive) -> Receive:
        """Leave a call out of the count while its body is on its way: some never bring it."""

        async def wait() -> Message:
            self._inside -= 1
            try:
                return await receive()
            finally:
                self._inside += 1

        return wait

    async def _serve(self, answer: _Answer, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self._app
        request = Request(scope, receive, send)
        try:
            response = await answer(request)
        except Exception as error:  # of what kind it is its handler knows; raised where there is none
            handler = self._handler_of(type(error))
            if handler is None:
                raise
            response = await handler(request, error)
        whole = {"status": response.status_code, "headers": response.raw_headers, "body": response.body}
        await send({"type": WHOLE_ANSWER, **whole})

    async def _answer(self, request: Request) -> Response:
        self._inside += 1
        try:
            return await self._accept(request)
        finally:
            self._inside -= 1  # not while they take their answer, or bring the rest of a refused body

    async def _accept(self, request: Request) -> Response:
        services = self.services
        # Whoever cannot be served soon is told so before any work is spent on them.
        if self._inside - self._held > services.settings.most_waiting:
            await self._hold()
            raise Busy
        caller = await admit(request, services, Permission.SEND, remembered=True)
        return await answer_send(request, services, caller, field_of(request, b"idempotency-key", None))

    async def _hold(self) -> None:
        """Keep a refusal back a moment: clients that ask again at once would leave no time for the others."""
        if self._held < _MOST_HELD:
            self._held += 1
            try:
                await asyncio.sleep(_HOLD_S)
            finally:
                self._held -= 1

    def _handler_of(self, kind: type[Exception]) -> _Handler | None:
        """Find the words for a failure as the framework does; a fault nobody foresaw is the edge's."""
        handlers = self._app.exception_handlers
        for each in kind.__mro__:
            if each in (Exception, object):
                return None
            if each in handlers:
                return cast("_Handler", handlers[each])
        return None


def _is_plain_post(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "POST" and b"origin" not in fields_of(scope)
