"""Ends an answer of unknown length: with a last chunk in HTTP/1.1, by closing the connection before it.

uvicorn sends chunks to HTTP/1.0 callers too, who take the marks between them for the answer (RFC 9112
§6.1). An answer that breaks off must look cut, not whole.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any, cast

from starlette.types import Message, Receive, Scope
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from disparo.api.protocol.one_write import OneWrite

_EXTENSION = "disparo.hang_up"
_WITH_RESET = struct.pack("ii", 1, 0)


class Ending(OneWrite):
    """uvicorn's protocol, which sends HTTP/1.0 callers no chunks."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve a caller. What all its calls share is made once."""
        super().connection_made(transport)
        self._extensions: dict[str, Any] = {_EXTENSION: self.transport.close}

    def on_headers_complete(self) -> None:
        """Begin to serve a call."""
        before: Any = self.cycle
        super().on_headers_complete()
        if self.cycle is before:
            return
        scope = cast("dict[str, Any]", self.scope)
        scope["extensions"] = self._extensions
        if scope["http_version"] == "1.0":
            end = _End(self.cycle)
            scope["extensions"] = {_EXTENSION: end.hang_up}
            cast("Any", self.cycle).send = end.send  # uvicorn has no other door for it


async def break_off(scope: Scope, receive: Receive) -> None:
    """End an answer that has begun so that its reader sees that it is cut."""
    hang_up = scope.get("extensions", {}).get(_EXTENSION)
    if hang_up is not None:
        hang_up()
        while (await receive())["type"] != "http.disconnect":
            pass


class _End:
    """The end of one answer to an HTTP/1.0 caller."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._send = cycle.send
        self._is_told_by_closing = False

    async def send(self, message: Message) -> None:
        """Send, in no chunks."""
        cycle = self._cycle
        if message["type"] == "http.response.start":
            self._is_told_by_closing = all(name != b"content-length" for name, _ in message["headers"])
            if self._is_told_by_closing:
                cycle.chunked_encoding = False
        elif self._is_told_by_closing:
            cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)  # type: ignore[arg-type]  # the same, by uvicorn's names

    def hang_up(self) -> None:
        """Close; with a reset where an orderly end would be the answer's."""
        transport = self._cycle.transport
        if not self._is_told_by_closing:
            transport.close()
            return
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _WITH_RESET)
        transport.abort()
