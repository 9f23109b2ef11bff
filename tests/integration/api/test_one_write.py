"""A response leaves in one write, and nothing stays behind."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from disparo.api.protocol.one_write import OneWrite

pytestmark = pytest.mark.anyio

HEAD = {"type": "http.response.start", "status": 200}


class House:
    """One application under uvicorn, as `disparo serve` runs it; `paused` holds its stream after the head."""

    def __init__(self) -> None:
        self.paused = asyncio.Event()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/stream":
            await send({**HEAD, "headers": []})
            await self.paused.wait()
            for part in (b"one", b"two"):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        else:
            body = b"x" * int(scope["path"][1:])
            await send({**HEAD, "headers": [(b"content-length", b"%d" % len(body))]})
            await send({"type": "http.response.body", "body": body})


async def opened(
    house: ASGIApp, http: type[OneWrite] = OneWrite
) -> tuple[uvicorn.Server, asyncio.Task[None], int]:
    config = uvicorn.Config(house, port=0, http=http, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    return server, running, server.servers[0].sockets[0].getsockname()[1]


async def closed(server: uvicorn.Server, running: asyncio.Task[None]) -> None:
    server.should_exit = True
    await running


class Counting(OneWrite):
    """Counts what reaches the transport itself."""

    writes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", _Counted(transport)))


class _Counted:
    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        Counting.writes += 1
        cast("asyncio.Transport", self._transport).write(data)


async def test_head_and_body_are_one_write():
    server, running, port = await opened(House(), Counting)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    Counting.writes = 0
    for _ in range(20):
        writer.write(b"GET /700 HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(700)
    assert Counting.writes == 20
    writer.close()
    await closed(server, running)


async def test_a_stream_that_pauses_has_sent_its_head():
    house = House()
    server, running, port = await opened(house)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 200 OK")
    house.paused.set()
    assert await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5) == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    writer.close()
    await closed(server, running)


@pytest.mark.parametrize(
    ("asked", "length"),
    [
        (b"GET /5000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 5_000_000),
        (b"HEAD /700 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 0),
        (b"GET /0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 0),
    ],
)
async def test_nothing_stays_behind_when_the_connection_is_closed(asked: bytes, length: int):
    server, running, port = await opened(House())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asked)
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    assert (head.split(b"\r\n")[0], len(body)) == (b"HTTP/1.1 200 OK", length)
    writer.close()
    await closed(server, running)


async def test_calls_in_one_packet_are_answered_in_their_order():
    server, running, port = await opened(House())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % size for size in (3, 0, 70_000, 1)))
    for size in (3, 0, 70_000, 1):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"content-length: %d\r\n" % size in head
        await reader.readexactly(size)
    writer.close()
    await closed(server, running)
