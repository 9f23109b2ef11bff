"""Connections whose other end was cut off without a word end in seconds: a firewall forgot them, or a NAT.

Whatever was asked on one would else be waited for as long as a statement may take, and then for as long again
until it is cancelled: on each that a pool has, while new ones would be answered at once.
"""

from __future__ import annotations

import socket
from typing import Any

#: What was sent is not even received, or nobody is there who could be answering: seconds until it is over.
_SILENT_S = 15
#: Nothing has come for so long, so it is asked whether the other end is there; and so often.
_IDLE_S, _AGAIN_S = 10, 5
_OPTIONS = {
    socket.TCP_KEEPIDLE: _IDLE_S,
    socket.TCP_KEEPINTVL: _AGAIN_S,
    socket.TCP_USER_TIMEOUT: _SILENT_S * 1000,  # with it, also how long questions go unanswered
}


async def end_when_silent(connection: Any) -> None:
    """Have the system end this connection, just opened, once nobody is at its other end any more."""
    transport = connection._transport  # noqa: SLF001 - no other way to its socket
    line: socket.socket | None = transport and transport.get_extra_info("socket")
    if line is None or line.family == socket.AF_UNIX:  # one that is over already is found out when it is used
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _OPTIONS.items():
        line.setsockopt(socket.IPPROTO_TCP, option, value)
