"""What every answer of the panel carries, so that a browser does nothing with it but show it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Nothing but what we serve ourselves, no script or style inside a page, and in nobody's frame.
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


async def with_headers(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request, its answer with what every page carries."""
    secure = scope["scheme"] == "https"

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            hsts = [(b"strict-transport-security", b"max-age=31536000")] if secure else []
            message["headers"] = [*message["headers"], *_HEADERS, *hsts]
        await send(message)

    await app(scope, receive, add)
