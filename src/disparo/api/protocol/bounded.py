"""Hangs up on callers who send a head without end.

httptools keeps a header until it is whole, and copies it with each packet of it; the same goes for what
follows a chunked body. Bodies are bounded by `bodies.read_raw`.
"""

from __future__ import annotations

from disparo.api.protocol.orderly import Orderly

#: In more than one packet; Java, PHP and browsers send a few hundred bytes, nginx takes 32 KiB.
_LONGEST = 64 << 10


class Bounded(Orderly):
    """uvicorn's protocol, which closes a connection that sends too much of an unfinished head."""

    _unread = 0

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > _LONGEST and not self.transport.is_closing():
            self.refuse("O cabeçalho da chamada é grande demais.")

    def on_headers_complete(self) -> None:
        """Begin to serve a call."""
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a call's body."""
        self._unread = 0
        super().on_message_complete()
