"""One hand-over is one write on the wire: the HTTP way out, on aiohttp.

The border between "surely not taken" and "may have left" is `ClientRequest.send`: connecting, TLS and
waiting for a free connection come before it, everything after it is ambiguous. aiohttp repeats idempotent
requests by itself when the peer drops the connection (client.py, "retrying requests"): the second `send`
of a hand-over is refused there, whatever the method. Nor is anything written where an answer lies already:
a platform that had answered an earlier hand-over twice would be believed about the next one.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import aiohttp
from aiohttp.client_reqrep import ClientRequest, ClientResponse

from disparo import failpoints
from disparo.platforms.base import boottime_s
from disparo.platforms.clock import AnsweredClock

CONNECT_TIMEOUT_S = 5.0
REPLY_LIMIT_BYTES = 65_536
_CONNECTIONS = 100
#: A connection that was idle for longer is not used again: many servers close theirs after two or five
#: seconds, and nobody knows what became of a message that is written while one is being closed.
_IDLE_S = 1.5
#: What misses its deadline after so long a wait for a connection is not late by our fault: were that not told
#: apart, a platform that always takes so long would never be called one that fails.
_LONG_WAIT_S = 2.0
#: Addresses of cloud metadata services outside the link-local ranges.
_METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")})
_AddrInfo = tuple[Any, Any, int, str, tuple[Any, ...]]


class NotTaken(Exception):
    """Nothing has left: no connection, no TLS, no free slot in time."""


class NotStarted(Exception):
    """The start's deadline passed before the write."""


class Unknown(Exception):
    """The bytes may have left, and no usable answer came."""


class ForbiddenAddress(OSError):
    """No platform is called at an address that is forbidden; see `is_forbidden`."""


class _SecondWrite(Exception):
    """aiohttp was about to repeat the request."""


class _Spoilt(Exception):
    """Something that nobody asked for lies in the connection; it is closed, and nothing has left."""


class Call(NamedTuple):
    """One hand-over as it goes over the wire."""

    method: str
    url: str
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | None = None
    deadline_s: float = float("inf")
    reply_limit_bytes: int = REPLY_LIMIT_BYTES


class Reply(NamedTuple):
    """The answer, whole and within the size limit; header names as they came, lookup by lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class _Write:
    deadline_s: float
    asked_at: float
    written: bool = False


_current: ContextVar[_Write] = ContextVar("hand_over")


class _OneWrite(ClientRequest):
    async def send(self, conn: Any) -> ClientResponse:
        write = _current.get()
        if write.written:
            raise _SecondWrite
        if (now := boottime_s()) > write.deadline_s:
            if now - write.asked_at > _LONG_WAIT_S:
                raise NotTaken(aiohttp.ConnectionTimeoutError.__name__)
            raise NotStarted
        if conn.protocol is not None and conn.protocol.should_close:
            raise _Spoilt
        write.written = True
        response = await super().send(conn)
        failpoints.hit("after_write")
        return response


class HttpSender:
    """One platform's connections; `timeout_s` bounds a whole call, the reply included."""

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        self._kept: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        self._closed = False
        self.clock = AnsweredClock()

    async def send(self, call: Call) -> Reply:
        """Write once and read the answer; raises NotTaken, NotStarted or Unknown."""
        if self._closed:  # the settings changed in the middle of a round of questions
            raise NotTaken("closed")
        write = _Write(call.deadline_s, boottime_s())
        token = _current.set(write)
        try:
            for _ in range(_CONNECTIONS + 1):  # whatever is kept may be spoilt, and no fresh one is
                with suppress(_Spoilt):
                    return await self._exchange(call)
            raise NotTaken(_Spoilt.__name__)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, _SecondWrite) as error:
            name = _name_of(error)
            raise (Unknown(name) if write.written else NotTaken(name)) from error
        finally:
            _current.reset(token)

    async def close(self) -> None:
        """Close all connections, for good."""
        self._closed = True
        for session in (self._kept, self._fresh):
            if session is not None:
                await session.close()

    async def _exchange(self, call: Call) -> Reply:
        asked_at = boottime_s()
        async with self._session(call.method).request(
            call.method, call.url, headers=call.headers, data=call.body, allow_redirects=False
        ) as response:
            self.clock.note(response.headers.get("Date"), asked_at=asked_at)
            end = _end_of(response)
            body = await _read_capped(response, call.reply_limit_bytes)
            if end is not None and end.done():
                end.result()  # raises why it broke off, where it did not simply end
            return Reply(response.status, response.headers, body)

    def _session(self, method: str) -> aiohttp.ClientSession:
        """Give the session for a method: only POST may go over a connection that was used before."""
        if method == "POST":
            self._kept = self._kept or self._open(force_close=False)
            return self._kept
        self._fresh = self._fresh or self._open(force_close=True)
        return self._fresh

    def _open(self, *, force_close: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=_CONNECTIONS,
            force_close=force_close,
            keepalive_timeout=None if force_close else _IDLE_S,
            socket_factory=_guarded_socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            request_class=_OneWrite,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a small answer must not unfold into a large one
            headers={"Accept-Encoding": "identity", "User-Agent": "disparo"},
        )


def _name_of(error: Exception) -> str:
    why = getattr(error, "os_error", None)  # what aiohttp found when it connected
    return type(why if isinstance(why, ForbiddenAddress) else error).__name__


def _end_of(response: ClientResponse) -> asyncio.Future[None] | None:
    """Give what will tell how the connection ends, where an answer that names no length ends with it.

    Cut off in the middle it would be taken for a whole one: half a number for an id, or for the code of an
    error. aiohttp tells only of those that name their length.
    """
    if "Content-Length" in response.headers or "Transfer-Encoding" in response.headers:
        return None
    protocol = None if response.connection is None else response.connection.protocol
    end = None if protocol is None else protocol.closed
    if end is not None:
        end.add_done_callback(asyncio.Future.exception)  # else one that nobody asks for is logged
    return end


async def _read_capped(response: ClientResponse, limit_bytes: int) -> bytes:
    read = bytearray()
    async for piece in response.content.iter_any():
        read += piece
        if len(read) > limit_bytes:
            raise ValueError("reply too long")
    return bytes(read)


def is_forbidden(address: str) -> bool:
    """Tell whether a platform's address may not be called: link-local, metadata, multicast, unspecified."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    ip = mapped or ip
    return ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _METADATA


def _guarded_socket(info: _AddrInfo) -> socket.socket:
    # The address that is really connected to, after DNS: a name that changes its mind cannot slip past.
    family, kind, protocol, _, address = info
    if is_forbidden(address[0]):
        raise ForbiddenAddress(address[0])
    opened = socket.socket(family=family, type=kind, proto=protocol)
    opened.setblocking(False)  # noqa: FBT003 - the socket's own way to say it
    return opened
