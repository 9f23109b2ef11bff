"""The outermost layer of a server: request ids, trailing slashes, the log line, figures, the last net."""

from __future__ import annotations

import re
import time
from random import getrandbits

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from disparo import metrics
from disparo.api.callers import Callers
from disparo.api.errors import answer_500
from disparo.api.protocol import WHOLE_ANSWER, break_off, send_whole
from disparo.api.reading_on import reading_on
from disparo.log import write_plain

log = structlog.get_logger(__name__)

_API = "/api/"
#: The request, its API client, the dispatch to follow it by, and for what it was put off.
_TOLD = ("request_id", "client_id", "dispatch_id", "error")
_LENIENT, _WEBHOOK = (_API, "/oauth/"), "/webhook/"
_BEGINNING = ("http.response.start", WHOLE_ANSWER)
_NOT_KEPT = (b"cache-control", b"no-store")


class Edge:
    """Middleware around the application; it lets no exception through to the server."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._callers.settle(scope)
        request_id = f"{getrandbits(128):032x}"  # told apart, not kept secret
        scope.setdefault("state", {})["request_id"] = request_id
        if scope["path"].endswith("/") or "//" in scope["path"]:
            _tidy_slashes(scope)
        receive, send = reading_on(scope, receive, send)
        began, status = time.perf_counter(), 0
        # Answers name customers: a browser that calls us would keep them on its disk.
        is_of_api = scope["path"].startswith(_API)

        async def note(message: Message) -> None:
            nonlocal status
            kind = message["type"]
            if kind in _BEGINNING:
                status, headers = message["status"], message["headers"]
                ours = [(b"x-request-id", request_id.encode())]
                if is_of_api and all(name != _NOT_KEPT[0] for name, _ in headers):
                    ours.append(_NOT_KEPT)
                message["headers"] = [*headers, *ours]
            if kind == WHOLE_ANSWER:
                await send_whole(scope, message, send)
            else:
                await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception:  # whatever it is, it is logged here and answered as 500
            log.exception("request_failed", request_id=request_id)
            if status:
                await break_off(scope, receive)
            else:
                await answer_500(request_id)(scope, receive, note)
        finally:
            _note(scope, status, time.perf_counter() - began)


def _tidy_slashes(scope: Scope) -> None:
    """Take slashes at the end and in a row (a base that ends in one) as the original's web server does.

    Of a webhook the address as it came stays: some platforms sign it.
    """
    path = re.sub("/+", "/", scope["path"])
    if path.startswith((*_LENIENT, _WEBHOOK)):
        scope["path"] = path.rstrip("/")
    if path.startswith(_LENIENT):
        scope["raw_path"] = re.sub(b"/+", b"/", scope["raw_path"]).rstrip(b"/")


def _note(scope: Scope, status: int, seconds: float) -> None:
    """Count the request and write its line: the route's template, never the address as it was called."""
    route = getattr(scope.get("route"), "path", "unmatched")
    metrics.REQUESTS.count(route, scope["method"], str(status))
    metrics.LATENCY.observe(seconds, route)
    told = {
        "method": scope["method"],
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
    }
    state = scope["state"]
    for name in _TOLD:
        if (value := state.get(name)) is not None:
            told[name] = str(value)
    write_plain(__name__, "request", told)
