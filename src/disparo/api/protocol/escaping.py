"""Accepts addresses with letters that should have been escaped: curl and PHP send `joão` as it is.

httptools refuses such an address; PHP behind nginx reads it.
"""

from __future__ import annotations

import re

from disparo.api.protocol.declining import Declining

_RAW = re.compile(rb"[\x80-\xff]")


class Escaping(Declining):
    """uvicorn's protocol, which escapes what is not ASCII in the first line of a call."""

    _in_first_line = True

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self._in_first_line:
            line, end, rest = data.partition(b"\n")
            self._in_first_line = not end
            if not line.isascii():
                data = _RAW.sub(lambda found: b"%%%02X" % found[0][0], line) + end + rest
        super().data_received(data)

    def on_message_complete(self) -> None:
        """End a call's body, but for one that is read again: what comes next is its body."""
        if not self._is_offer():
            self._in_first_line = True
        super().on_message_complete()
