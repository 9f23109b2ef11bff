"""An answer given as a whole reads as any other, whatever stands in its way."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from typing import ClassVar, cast

import pytest
from starlette.types import Message, Receive, Scope, Send
from tests.integration.api.test_one_write import closed, opened

from disparo.api.protocol import WHOLE_ANSWER, HttpProtocol, send_whole
from disparo.api.protocol.at_once import AtOnce

pytestmark = pytest.mark.anyio

_DATE = re.compile(rb"date: [^\r]+\r\n")


class Seen(AtOnce):
    """Tells which answers left at once, and which connections are still in memory."""

    at_once: ClassVar[list[bool]] = []
    kept: ClassVar[weakref.WeakSet[Seen]] = weakref.WeakSet()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Seen.kept.add(self)
        super().connection_made(transport)

    def _answer(self, scope: Scope, answer: Message) -> bool:
        done = super()._answer(scope, answer)
        Seen.at_once.append(done)
        return done


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with as many letters as the address asks for: `/whole/5` as a whole, `/parts/5` in two messages."""
    _, way, size = scope["path"].split("/")
    if scope["query_string"] != b"unread":
        while (await receive()).get("more_body"):
            pass
    body = b"x" * int(size)
    answer = {"status": 200, "headers": [(b"content-length", b"%d" % len(body))], "body": body}
    if way == "whole":
        await send_whole(scope, {"type": WHOLE_ANSWER, **answer}, send)
    else:
        await send({**answer, "type": "http.response.start"})
        await send({"type": "http.response.body", "body": body})


async def spoken(said: bytes, *, http: type[HttpProtocol] = HttpProtocol) -> bytes:
    """Say all of this, close that side once an answer comes, and give all that is answered."""
    server, running, port = await opened(app, http)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    answered = await asyncio.wait_for(reader.read(1), 30)
    await asyncio.sleep(0.1)
    writer.write_eof()
    answered += await asyncio.wait_for(reader.read(), 30)
    writer.close()
    await closed(server, running)
    return cast("bytes", _DATE.sub(b"", answered))


@pytest.mark.parametrize(
    ("call", "at_once"),
    [
        (b"POST /%s/9 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", [True]),
        (b"POST /%s/5000000 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", [True]),
        (b"POST /%s/9 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", [False]),
        (b"POST /%s/9 HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", []),
        (b"HEAD /%s/9 HTTP/1.1\r\nHost: a\r\n\r\n", [False]),
        (b"POST /%s/9?unread HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{", [False]),
        (b"POST /%s/9 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", [True]),
    ],
    ids=["plain", "large", "closes", "http-1.0", "head", "half-a-body", "chunked"],
)
async def test_whole_and_in_parts_read_the_same(call: bytes, at_once: list[bool]):
    Seen.at_once = []
    whole = await spoken(call % b"whole", http=Seen)
    assert Seen.at_once == at_once
    assert whole == await spoken(call % b"parts")
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_a_connection_that_ends_is_freed_at_once():
    gc.collect()
    gc.disable()
    try:
        await spoken(b"POST /whole/9 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" * 3, http=Seen)
        assert not Seen.kept
    finally:
        gc.enable()


async def test_calls_in_one_packet_are_answered_in_their_order():
    calls = [
        b"POST /%s/%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" % (way, size)
        for size, way in enumerate((b"whole", b"whole", b"parts", b"whole", b"whole"), 1)
    ]
    answered = await spoken(b"".join(calls))
    assert re.findall(rb"content-length: (\d+)\r\n\r\n(x*)", answered) == [
        (b"%d" % size, b"x" * size) for size in range(1, 6)
    ]
