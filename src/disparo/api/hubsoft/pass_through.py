"""Pass calls to routes that we do not serve on to HubSoft, and its answer back as it is (docs/api.md §5).

Nothing outside /api/v1/integracao/ is passed on. A token of ours never leaves: a credential of ours there
goes instead, for users who may. A token of HubSoft's goes as it came.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import aiohttp
import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from yarl import URL

from disparo.api.access import address_of, admit, admit_still, line_of, token_of
from disparo.api.beside import Beside
from disparo.api.errors import NO_SUCH_ROUTE, Failure, Unauthenticated
from disparo.api.hubsoft.mapping import BASE
from disparo.api.protocol import break_off
from disparo.api.services import Services, services_of
from disparo.auth import signing_keys
from disparo.auth.permissions import Permission
from disparo.sources.base import SourceDown, SourceRefused

log = structlog.get_logger(__name__)
router = APIRouter(prefix=BASE, include_in_schema=False)

_DOWN = "O HubSoft não respondeu; tente novamente em instantes"
#: RFC 9110 §7.6.1, and what belongs to one connection or to us.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
#: Some servers take another path from these than the one that was looked at, or another caller.
_MISLEADING = frozenset({"x-original-url", "x-rewrite-url", "forwarded", "x-real-ip", "x-client-ip"})
_OF_PROXIES = "x-forwarded-"
_NOT_SENT = _HOP_BY_HOP | _MISLEADING | {"host", "cookie", "authorization", "expect"}
_NOT_RETURNED = _HOP_BY_HOP | {"date"}
#: Of what has no body; uvicorn waits for one where a length is named.
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
#: Final ones (RFC 9110 §15).
_STATUSES = range(200, 600)
#: As a token of ours looks, wherever in a header it stands.
_JWT = re.compile(r"eyJ[A-Za-z0-9_.-]{40,}")
#: A body that took longer: its caller may be admitted no more.
_LATE_S = 1.0
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
#: Without a body these may go over a used connection: where it was closed meanwhile, aiohttp asks again.
_READING = frozenset({"GET", "HEAD"})


@router.api_route("/{rest:path}", methods=list(_METHODS))
async def hand_on(request: Request, rest: str) -> Response:
    """Hand a call to HubSoft."""
    del rest
    services = services_of(request)
    if services.beside is None or _leaves_the_api(request):
        raise Failure(404, NO_SUCH_ROUTE)
    beside = services.beside
    is_ours = await _admit(request, services)
    authorization = await _credential(beside) if is_ours else request.headers["authorization"]
    path = request.scope["raw_path"].decode("ascii", "replace")
    query = request.scope["query_string"].decode("ascii", "replace")
    body = _while_admitted(request) if is_ours else request.stream()
    answer = await _ask(request, beside, path, query, authorization, body=body)
    if answer.status == HTTPStatus.UNAUTHORIZED and is_ours:
        # Our credential was ended there, not the caller's.
        beside.hubsoft.forget_token(authorization)
        if not _has_body(request):
            answer.close()
            answer = await _ask(request, beside, path, query, await _credential(beside), body=b"")
    return _streamed(answer)


async def _while_admitted(request: Request) -> AsyncIterator[bytes]:
    """Hand a body on for as long as its caller is admitted: one byte held back keeps it open for long."""
    looked = time.monotonic()
    async for piece in request.stream():
        if time.monotonic() - looked > _LATE_S:
            await admit_still(request)
            looked = time.monotonic()
        yield piece


async def forward_login(request: Request, beside: Beside, body: bytes) -> Response:
    """Send a request for a token on; raises Failure 502 where no answer comes."""
    return _streamed(await _ask(request, beside, "/oauth/token", "", None, body=body))


async def _ask(
    request: Request,
    beside: Beside,
    path: str,
    query: str,
    authorization: str | None,
    *,
    body: AsyncIterator[bytes] | bytes,
) -> aiohttp.ClientResponse:
    url = URL(f"{beside.url}{path}{'?' + query if query else ''}", encoded=True)
    has_body = _has_body(request)
    only_reads = request.method in _READING and not has_body
    asking = (beside.kept if only_reads else beside.fresh).request(
        request.method,
        url,
        headers=_sent(request, authorization),
        data=body if has_body else None,
        allow_redirects=False,
    )
    try:
        answer = await (_while_waited_for(request, asking) if only_reads else asking)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        # In the middle of their body.
        if isinstance(error.__cause__, ClientDisconnect | Unauthenticated | Failure):
            raise error.__cause__ from error
        log.warning("hubsoft_does_not_answer", error=type(error).__name__)
        raise Failure(502, _DOWN) from error
    if answer.status not in _STATUSES:
        answer.close()
        log.warning("hubsoft_does_not_answer", status=answer.status)
        raise Failure(502, _DOWN)
    return answer


async def _while_waited_for(
    request: Request, asking: Coroutine[Any, Any, aiohttp.ClientResponse]
) -> aiohttp.ClientResponse:
    """Ask as long as somebody waits for it; raises ClientDisconnect."""
    asked, gone = asyncio.create_task(asking), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((asked, gone), return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            raise ClientDisconnect
        return asked.result()
    finally:
        asked.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _streamed(answer: aiohttp.ClientResponse) -> Response:
    response = _Passed(answer)
    dropped = _NOT_RETURNED | _named(answer.headers.get("Connection", ""))
    if answer.status in _BODILESS:
        dropped |= {"content-length"}
    response.raw_headers = [
        (name.lower(), value) for name, value in answer.raw_headers if name.lower().decode() not in dropped
    ]
    return response


class _Passed(StreamingResponse):
    """An answer that HubSoft may break off: so does ours then, and it is no fault of ours."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        super().__init__(answer.content.iter_any(), status_code=answer.status)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            scope["state"]["error"] = type(error).__name__  # for the request's line in the log
            log.warning("hubsoft_breaks_off", error=type(error).__name__)
            await break_off(scope, receive)
        finally:
            self._answer.close()  # whoever hung up before its first piece as well


def _sent(request: Request, authorization: str | None) -> list[tuple[str, str]]:
    dropped = _NOT_SENT | _named(request.headers.get("connection", ""))
    named = ((name.decode("latin-1"), value) for name, value in request.headers.raw)
    found = [
        (name, _text(value))
        for name, value in named
        if name not in dropped and not name.startswith(_OF_PROXIES)
    ]
    if authorization is not None:
        found.append(("Authorization", authorization))
    return [*found, ("X-Forwarded-For", address_of(request))]


def _text(value: bytes) -> str:
    """Read a header's value so that it leaves as it came: aiohttp writes UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _named(connection: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in connection.split(",") if name.strip())


def _leaves_the_api(request: Request) -> bool:
    """Tell whether a path, read as a server may read it, points outside what is passed through."""
    path = unquote(unquote(request.scope["raw_path"].decode("ascii", "replace")))
    if "\\" in path or re.search(r"[\x00-\x1f\x7f]", path):
        return True
    return any(part in (".", "..") for part in path.split("/")) or not path.startswith(f"{BASE}/")


async def _admit(request: Request, services: Services) -> bool:
    """Let a caller in, and tell whether a credential of ours goes instead of the token."""
    token = token_of(request)
    if not token:
        raise Unauthenticated
    await signing_keys.catch_up(services.quick, services.mint)
    if services.mint.made(token):
        await admit(request, services, Permission.PASS_THROUGH)
        return True
    if any(map(services.mint.made, _JWT.findall(request.headers["authorization"]))):
        raise Unauthenticated  # under a scheme that we do not know, as `Token` or `JWT`
    settings = services.settings
    await services.throttle.take(
        "pass-through", line_of(request), per_s=settings.rate_per_s, burst=settings.rate_burst
    )
    return False


async def _credential(beside: Beside) -> str:
    try:
        return await beside.hubsoft.authorization()
    except (SourceDown, SourceRefused) as error:
        log.warning("hubsoft_does_not_answer", error=type(error).__name__)
        raise Failure(502, _DOWN) from error
