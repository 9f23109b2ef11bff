"""Routes that name themselves, and the way back from a form's address to its page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send


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
        if any(isinstance(route, Named) and route.is_page(path) for route in request.app.routes):
            return path
    return "/painel"
