"""A peer on the wire: plain TCP, so that what is counted is what really arrived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from tests.support.stage import free_port

Answer = Callable[["Peer", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """Counts requests by their heads; `answer` says what is done after each whole request."""

    answer: Answer
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/sms"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                self.requests.append(head + await reader.readexactly(length))
                await self.answer(self, writer)
        writer.close()


def http(status: int, body: str | bytes, headers: str = "") -> Answer:
    """A whole and proper answer."""

    async def answer(_peer: Peer, writer: asyncio.StreamWriter) -> None:
        data = body if isinstance(body, bytes) else body.encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n{headers}\r\n"
        writer.write(head.encode() + data)
        await writer.drain()

    return answer


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[Peer]:
    """Let it answer, at no port of the system's: whoever still calls there for an earlier test would be counted."""
    peer.port = free_port()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", peer.port)
    try:
        yield peer
    finally:
        server.close()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with listening(Peer(http(200, '{"id": "p-1"}'))) as peer:
        yield peer
