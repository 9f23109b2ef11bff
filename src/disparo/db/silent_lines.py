"""Connections whose other end was cut off without a word end in seconds: a firewall forgot them, or a NAT.

Whatever was asked on one would else be waited for as long as a statement may take, and then for as long again
until it is cancelled: on each that a pool has, while new ones would be answered at once.

Where something in between goes on to confirm what it hands to nobody, or the server is frozen, the system
sees nothing: what was asked is given up after its time, and the connection soon after it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    _Connection = asyncpg.Connection[asyncpg.Record]
else:  # asyncpg's classes are generic only in the stubs
    _Connection = asyncpg.Connection

#: What was sent is not even received, or nobody is there who could be answering: seconds until it is over.
_SILENT_S = 15
#: Nothing has come for so long, so it is asked whether the other end is there; and so often.
_IDLE_S, _AGAIN_S = 10, 5
_OPTIONS = {
    socket.TCP_KEEPIDLE: _IDLE_S,
    socket.TCP_KEEPINTVL: _AGAIN_S,
    socket.TCP_USER_TIMEOUT: _SILENT_S * 1000,  # with it, also how long questions go unanswered
}
#: A server that answers at all ends a statement that it is asked to end at once, but for a flush or a crowd.
_CANCELLED_WITHIN_S = 3.0
#: Has what a pool of this process has open replaced, each before it is next used.
_Expire = Callable[[], Awaitable[None]]
#: Of all its pools: they lead to one database.
_EXPIRE: set[_Expire] = set()


class Cancelling(_Connection):
    """A connection that is dropped where a statement that was given up is not ended soon.

    The driver would wait for that as long as for the statement itself, and whoever asks next with it.
    """

    async def _cancel(self, waiter: Any, cancel_waiter: Any = None) -> None:
        async with asyncio.timeout(_CANCELLED_WITHIN_S) as patience:
            # Cancelled itself, it just ends.
            await super()._cancel(waiter, cancel_waiter)  # type: ignore[misc]  # not in the stubs
        if patience.expired():
            self.terminate()
            for expire in tuple(_EXPIRE):
                await expire()


@contextmanager
def doubted_when_silent(expire: _Expire) -> Iterator[None]:
    """Have a pool's connections expire, by `expire`, once a connection of the process was so dropped."""
    _EXPIRE.add(expire)
    try:
        yield
    finally:
        _EXPIRE.discard(expire)


async def end_when_silent(connection: Any) -> None:
    """Have the system end this connection, just opened, once nobody is at its other end any more."""
    transport = connection._transport  # noqa: SLF001 - no other way to its socket
    line: socket.socket | None = transport and transport.get_extra_info("socket")
    if line is None or line.family == socket.AF_UNIX:  # one that is over already is found out when it is used
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _OPTIONS.items():
        line.setsockopt(socket.IPPROTO_TCP, option, value)
