"""Answers in their order: what is no HTTP and follows a whole call never takes that call's answer.

Programs that count letters where `Content-Length` counts bytes send a few more than they said. uvicorn
refuses those at once: who called would read a 400, and its SMS would go all the same. Others close their side
when they have sent all of a call, and wait: uvicorn would hang up on them, and they would call again.
"""

from __future__ import annotations

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from disparo.api.errors import envelope

_NO_HTTP = "A chamada não é HTTP válido."


class Orderly(HttpToolsProtocol):
    """uvicorn's protocol, which closes after the answer to the last whole call, and refuses in our words."""

    _is_over = False

    def data_received(self, data: bytes) -> None:
        """Read what came; also past the last call, or the reset that follows would take its answer along."""
        if not self._is_over:
            super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's always closes
        """Keep a connection until its last whole call is answered.

        What only reads may be given up: whoever waited for it has gone, mostly. TLS has no side to keep open.
        """
        call: RequestResponseCycle | None = self.cycle
        if call is None or call.response_complete or call.more_body or self.scheme == "https":
            return False
        call.keep_alive = False
        return call.scope["method"] not in ("GET", "HEAD")

    def send_400_response(self, _msg: str) -> None:
        """Refuse what uvicorn could not read."""
        self.refuse(_NO_HTTP)

    def refuse(self, msg: str) -> None:
        """End the connection, with a 400 where no earlier call would take it for the answer it waits for."""
        self._is_over = True
        call: RequestResponseCycle | None = self.cycle
        if call is not None and not call.response_complete and not call.more_body:
            call.keep_alive = False  # its answer is the last
            return
        if not self.pipeline and (call is None or call.response_complete or not call.response_started):
            self.transport.write(_answer_400(msg))
        self.transport.close()


def _answer_400(msg: str) -> bytes:
    body = json.dumps(envelope(msg), ensure_ascii=False).encode()
    head = (
        b"HTTP/1.1 400 Bad Request",
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"connection: close",
    )
    return b"\r\n".join([*head, b"", body])
