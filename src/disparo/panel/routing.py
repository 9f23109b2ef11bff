"""Routes that name themselves, and the way back from a form's address to its page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from disparo.panel.fields import local_address


class Named(Route):
    """A route that names itself to whoever counts requests by route, and says in words what is too large.

    `limit`: bytes that a body may have.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        *,
        methods: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(path, endpoint, methods=methods, max_body_size=limit)
        self._limit = limit

    def is_page(self, path: str) -> bool:
        """Tell whether a browser may come to an address by itself."""
        return "GET" in (self.methods or ()) and self.path_regex.match(path) is not None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; raises HTTPException 413."""
        scope["route"] = self
        declared = Headers(scope=scope).get("content-length", "")
        if self._limit is not None and declared.isdecimal() and int(declared[:20]) > self._limit:
            raise HTTPException(413)
        await super().handle(scope, receive, send)


def only_looks(request: Request) -> bool:
    """Tell whether a request is one for a page, HEAD included, and no form that is sent."""
    return request.method in ("GET", "HEAD")


def page_above(request: Request) -> str:
    """Give the page that has the form of an address: who comes back to what a form answered belongs there."""
    path = request.url.path
    while path := path.rpartition("/")[0]:
        if _is_page(request, path):
            return path
    return "/painel"


def page_before(request: Request) -> str:
    """Give the page of ours that a browser came from; where it does not say, the one that has the form."""
    here = request.url.path
    try:
        came = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        came = urlsplit("")
    if came.netloc == request.url.netloc and came.path.startswith("/painel/"):
        address = local_address(f"{came.path}?{came.query}" if came.query else came.path)
        if address != f"{here}?{request.url.query}":  # else it would be refused again
            return address
    return here if _is_page(request, here) else page_above(request)


def _is_page(request: Request, path: str) -> bool:
    return any(isinstance(route, Named) and route.is_page(path) for route in request.app.routes)
