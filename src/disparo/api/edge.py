"""The outermost layer: who calls, request ids, trailing slashes, figures, and the last net under faults."""

from __future__ import annotations

import time
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from disparo.api.callers import Callers
from disparo.api.errors import answer_500
from disparo.metrics import Metrics

log = structlog.get_logger(__name__)

_LENIENT = ("/api/", "/oauth/")


class Edge:
    """Wraps the application; never lets an exception through to the server."""

    def __init__(self, app: ASGIApp, metrics: Metrics, callers: Callers) -> None:
        self._app = app
        self._metrics = metrics
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._callers.settle(scope)
        request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        path = scope["path"]
        if path.endswith("/") and path.startswith(_LENIENT):
            scope["path"] = path.rstrip("/")
            scope["raw_path"] = scope["path"].encode()
        began, status = time.perf_counter(), 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception:
            log.exception("request_failed", request_id=request_id)
            if not status:
                await answer_500(request_id)(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.requests.labels(route, scope["method"], str(status)).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - began)
