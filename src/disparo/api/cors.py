"""CORS for programs in browsers, under /api and /oauth only (docs/api.md §1)."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.responses import JSONResponse, Response
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from disparo.api.errors import envelope

_OK = 200
_OF_THE_BODY = frozenset({"content-length", "content-type"})


class Cors:
    """Middleware that adds CORS under /api and /oauth."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._plain = app
        self._with_cors = _Shared(
            app,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            # Whatever a program's library adds (X-Requested-With, say) is ignored, as it is outside browsers.
            allow_headers=["*"],
            expose_headers=["Retry-After", "Idempotent-Replayed"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        shared = scope["type"] == "http" and scope["path"].startswith(("/api/", "/oauth/"))
        await (self._with_cors if shared else self._plain)(scope, receive, send)


class _Shared(CORSMiddleware):
    """Answers a browser's preflight as everything here is answered: JSON, in Portuguese."""

    def preflight_response(self, request_headers: Headers) -> Response:
        plain = super().preflight_response(request_headers)
        allowed = plain.status_code == _OK
        body = (
            {"status": "success", "msg": "Permitido"}
            if allowed
            else envelope("Origem ou método não permitido para chamadas de navegador (cors_origins)")
        )
        headers = {name: value for name, value in plain.headers.items() if name not in _OF_THE_BODY}
        return JSONResponse(body, status_code=plain.status_code, headers=headers)
