"""Ignores offers to go on in another protocol, as RFC 9110 §7.8 lets a server do.

Java's own HTTP client and `curl --http2` make one (`Upgrade: h2c`) with every call to an `http://` address.
httptools stops reading where the head of such a call ends, and uvicorn would go on without the body.
"""

from __future__ import annotations

from typing import Any

import httptools

from disparo.api.protocol.impatient import Impatient


class Declining(Impatient):
    """uvicorn's protocol, which serves a call with an offer as the same call without it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.parser = _Parser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets it

    def on_headers_complete(self) -> None:
        """Begin to serve a call, but for one that is read again."""
        if not self._is_offer():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a call's body, but for one that is read again."""
        if not self._is_offer():
            super().on_message_complete()

    def head_without_offer(self) -> bytes | None:
        """Give the head that was just read, without its offer; None if it had none."""
        if not self._is_offer():
            return None
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _is_offer(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"


class _Parser(httptools.HttpRequestParser):
    """A parser that reads on where an offer stopped it."""

    def __init__(self, protocol: Declining) -> None:
        super().__init__(protocol)
        self._protocol = protocol

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # bytes is what a protocol is given
        while True:
            try:
                super().feed_data(data)
            except httptools.HttpParserUpgrade as stopped:
                head = self._protocol.head_without_offer()
                if head is None:  # CONNECT
                    raise
                data = head + data[stopped.args[0] :]
            else:
                return
