"""Accepts addresses with signs that should have been escaped: PHP, Go and Java send `joão da silva` as it is.

httptools refuses such an address; PHP behind nginx reads it (one with blanks: nginx before 1.21).
"""

from __future__ import annotations

import re

from disparo.api.protocol.declining import Declining

_RAW = re.compile(rb"[\x80-\xff]")
#: A whole first line, as far as it is one: what came in two pieces is left as it is.
_WITH_BLANKS = re.compile(rb"([A-Z]+ )(/\S* .*\S)( HTTP/1\.[01]\r?)")
_BLANKS = 2


class Escaping(Declining):
    """uvicorn's protocol, which escapes what is not ASCII, and blanks, in the address of a call."""

    _in_first_line = True

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self._in_first_line:
            line, end, rest = data.partition(b"\n")
            self._in_first_line = not end
            if line.count(b" ") > _BLANKS:
                line = _without_blanks(line)
                data = line + end + rest
            if not line.isascii():
                data = _RAW.sub(lambda found: b"%%%02X" % found[0][0], line) + end + rest
        super().data_received(data)

    def on_message_complete(self) -> None:
        """End a call's body, but for one that is read again: what comes next is its body."""
        if not self._is_offer():
            self._in_first_line = True
        super().on_message_complete()


def _without_blanks(line: bytes) -> bytes:
    found = _WITH_BLANKS.fullmatch(line)
    return line if found is None else found[1] + found[2].replace(b" ", b"%20") + found[3]
