"""HEAD is answered where GET is, as Laravel does, of which the original is made (RFC 9110 §9.3.2).

uvicorn leaves the body out: it has the call as it came.
"""

from __future__ import annotations

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send


class WithHead(APIRoute):
    """A route that takes HEAD for the GET it documents."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether this is its call."""
        return super().matches(self._as_get(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it."""
        await super().handle(self._as_get(scope), receive, send)

    def _as_get(self, scope: Scope) -> Scope:
        is_head = scope.get("method") == "HEAD" and "GET" in (self.methods or ())
        return {**scope, "method": "GET"} if is_head else scope
