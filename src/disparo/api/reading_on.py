"""Reads what is left of a large body before a caller who then closes hears a refusal.

A connection closed with octets unread is reset, and the answer with it (RFC 9112 §9.6): who sends all before
they read, as PHP and Python's urllib do, would see a broken connection where a 401 or a 413 was said.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import Message, Receive, Scope, Send

from disparo.api.header_fields import fields_of

_SMALL = 64 << 10  # fits what every system holds for a connection
_MOST = 32 << 20
_LONGEST_S = 30.0


def reading_on(scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Give the two ways of a call, so that an answer waits for the rest of the body where it must."""
    if not _would_be_reset(scope):
        return receive, send
    is_open = True

    async def read() -> Message:
        nonlocal is_open
        message = await receive()
        is_open = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            left = _MOST
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_S):
                    while is_open and left > 0:
                        left -= len((await read()).get("body", b""))
        await send(message)

    return read, answer


def _would_be_reset(scope: Scope) -> bool:
    """Tell whether the caller closes after this call, and may still be sending when it is answered."""
    if scope["method"] in ("GET", "HEAD"):
        return False
    found = fields_of(scope)
    if b"expect" in found:  # they wait to hear whether to send at all
        return False
    closes = scope["http_version"] == "1.0" or b"close" in found.get(b"connection", b"").lower()
    size = found.get(b"content-length", b"")
    return closes and (b"transfer-encoding" in found or (size.isdigit() and int(size[:20]) > _SMALL))
