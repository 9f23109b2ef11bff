"""Sends an answer that is whole by the time it begins: no wait, no check of each field, one write.

uvicorn takes an answer in two messages, each through every layer, and looks for line breaks in fields that
are our own words. Measured: docs/decisions/0040.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from starlette.types import Message, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from disparo.api.protocol.ending import Ending
from disparo.api.protocol.one_write import Joining

#: The type of an ASGI message that is a whole answer: `status`, `headers` and `body`.
WHOLE_ANSWER = "disparo.answer"
_EXTENSION = "disparo.at_once"
_AtOnce = Callable[[Scope, Message], bool]


class AtOnce(Ending):
    """uvicorn's protocol, which can be given an answer as a whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve a caller."""
        super().connection_made(transport)
        self._extensions[_EXTENSION] = self._answer

    def connection_lost(self, exc: Exception | None) -> None:
        """End it, and point at ourselves no more: a ring is freed late."""
        super().connection_lost(exc)
        self._extensions.clear()

    def _answer(self, scope: Scope, answer: Message) -> bool:
        """Send an answer, unless something is in its way: the rest of a body, a slow reader, an end."""
        call: RequestResponseCycle = self.cycle
        if (
            call.scope is not scope  # more came behind it
            or call.more_body
            or call.response_started
            or call.disconnected
            or not call.keep_alive
            or scope["method"] == "HEAD"
            or self.flow.write_paused
        ):
            return False
        head = [STATUS_LINE[answer["status"]]]
        for name, value in (*call.default_headers, *answer["headers"]):
            head += (name, b": ", value, b"\r\n")
        call.response_started = call.response_complete = True
        call.message_event.set()
        cast("Joining", self.transport).write_now(b"".join((*head, b"\r\n", answer["body"])))
        self.on_response_complete()
        return True


async def send_whole(scope: Scope, answer: Message, send: Send) -> None:
    """Send a whole answer: at once where the server can, else in the two messages of ASGI."""
    at_once = cast("_AtOnce | None", scope.get("extensions", {}).get(_EXTENSION))
    if at_once is None or not at_once(scope, answer):
        await send({**answer, "type": "http.response.start"})
        await send({"type": "http.response.body", "body": answer["body"]})
