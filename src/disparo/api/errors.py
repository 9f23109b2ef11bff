"""How failures look on the wire: one envelope, in Portuguese, and the codes of docs/api.md §1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import asyncpg
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from disparo.api import full_disk
from disparo.auth.throttle import TooMany
from disparo.db.pool import TRANSIENT
from disparo.dispatch.group_commit import Busy, FateUnknown, KeyInUse

NO_SUCH_ROUTE = "Método/endpoint não disponível"
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


class Refusal(Exception):
    """A validation or business error: 422, or 200 for clients that are set to the original's codes."""

    def __init__(self, msg: str, errors: Sequence[str] = (), **more: object) -> None:
        super().__init__(msg)
        self.msg = msg
        self.errors = list(errors)
        self.more = more


class Failure(Exception):
    """A failure whose HTTP code is real for every client."""

    def __init__(
        self, status: int, msg: str, *, headers: Mapping[str, str] | None = None, **more: object
    ) -> None:
        super().__init__(msg)
        self.status = status
        self.msg = msg
        self.headers = dict(headers or {})
        self.more = more


class MaybeDone(Exception):
    """The database failed while it stored something that may be asked for again without harm."""


@asynccontextmanager
async def may_be_done() -> AsyncIterator[None]:
    """Whatever passing fault of the database comes from inside: what was asked for may have been done."""
    try:
        yield
    except TRANSIENT as error:
        raise MaybeDone from error


class Unauthenticated(Exception):
    """No live token of ours came with the call."""


def envelope(msg: str, errors: Sequence[str] = (), **more: object) -> dict[str, Any]:
    """Give the body of a failure."""
    return {"status": "error", "msg": msg, "errors": list(errors), **more}


def answer_500(request_id: str) -> JSONResponse:
    """Give what a fault of ours looks like: a number to ask about, and no trace."""
    msg = f"Erro interno. Informe ao administrador o código {request_id}."
    return JSONResponse(envelope(msg, request_id=request_id), status_code=500)


def install_handlers(app: FastAPI) -> None:
    """Teach the application every failure there is."""
    handlers = {
        Refusal: _refused,
        Failure: _failed,
        Unauthenticated: _unauthenticated,
        HTTPException: _no_route,
        TooMany: _too_many,
        KeyInUse: _key_in_use,
        FateUnknown: _fault,
        ClientDisconnect: _gone,
        Exception: _fault,
        Busy: _busy,
        MaybeDone: _maybe_done,
        **dict.fromkeys(TRANSIENT, _busy),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)  # type: ignore[arg-type]  # each takes the kind it is for


async def _refused(request: Request, error: Refusal) -> JSONResponse:
    caller = getattr(request.state, "caller", None)
    as_original = caller is not None and caller.error_codes == "hubsoft"
    status = 200 if as_original or getattr(request.state, "refusals_with_200", False) else 422
    return JSONResponse(envelope(error.msg, error.errors, **error.more), status_code=status)


async def _failed(_request: Request, error: Failure) -> JSONResponse:
    body = {**envelope(error.msg), **error.more}
    return JSONResponse(body, status_code=error.status, headers=error.headers)


async def _unauthenticated(_request: Request, _error: Unauthenticated) -> JSONResponse:
    body = {"error": "Unauthenticated.", "message": "Unauthenticated."}
    return JSONResponse(body, status_code=401, headers={"WWW-Authenticate": "Bearer"})


async def _no_route(request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # Made when it is first asked for, the document takes a second: other calls are served meanwhile.
        document = await asyncio.to_thread(request.app.openapi)
        headers["Allow"] = ", ".join(_allowed(request, document["paths"]))
    return JSONResponse(envelope(NO_SUCH_ROUTE), status_code=error.status_code, headers=headers)


async def _too_many(_request: Request, error: TooMany) -> JSONResponse:
    return answer_429(error.wait_s)


async def _key_in_use(_request: Request, _error: KeyInUse) -> JSONResponse:
    msg = "Uma chamada com a mesma Idempotency-Key ainda está em andamento. Tente novamente."
    return JSONResponse(envelope(msg), status_code=409, headers={"Retry-After": "2"})


async def _fault(request: Request, _error: Exception) -> JSONResponse:
    return answer_500(str(getattr(request.state, "request_id", "")))


async def _gone(_request: Request, _error: ClientDisconnect) -> JSONResponse:
    """Nobody is there to read it; what is counted is no fault of ours."""
    return JSONResponse(envelope("A chamada foi interrompida"), status_code=499)


async def _busy(request: Request, error: Exception) -> JSONResponse:
    wait_s = 1 if isinstance(error, Busy) else 2
    msg = "Serviço momentaneamente indisponível; nada foi agendado. Tente novamente em instantes."
    return _answer_503(request, error, msg, wait_s)


async def _maybe_done(request: Request, error: MaybeDone) -> JSONResponse:
    msg = (
        "Serviço momentaneamente indisponível; o pedido pode ter sido gravado ou não. "
        "Repita-o em instantes: repetir não faz mal."
    )
    return _answer_503(request, error, msg, 2)


def _answer_503(request: Request, error: Exception, msg: str, wait_s: int) -> JSONResponse:
    cause = error.__cause__ or error
    request.state.error = type(cause).__name__  # for the request's line in the log
    if isinstance(cause, asyncpg.DiskFullError):
        full_disk.note(request)
    return JSONResponse(envelope(msg), status_code=503, headers={"Retry-After": str(wait_s)})


def _allowed(request: Request, paths: Mapping[str, Any]) -> list[str]:
    """Name every method of a path: each route is asked, as those of an included router show no methods.

    Where the document knows the path itself, what would take it for a parameter (`disparo/{id}`) is left out.
    """
    scope, app = request.scope, request.app
    known = paths.get(scope["path"])
    return [
        method
        for method in _METHODS
        if (known is None or method.lower().replace("head", "get") in known)
        and any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.routes)
    ]


def answer_429(wait_s: int) -> JSONResponse:
    """Give the contract's words for too many calls."""
    msg = f"Muitas requisições. Tente novamente em {wait_s} segundo(s)."
    return JSONResponse(
        envelope(msg, retry_after=wait_s), status_code=429, headers={"Retry-After": str(wait_s)}
    )
