"""A call that offers to go on in another protocol is served as it is: Java's client offers HTTP/2 with each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from disparo.api.protocol.one_write import OneWrite

pytestmark = pytest.mark.anyio

OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
BODY = b'{"id_fatura":"11000"}'
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was asked, and how."""
    request = Request(scope, receive)
    said = (await request.body()).decode()
    await PlainTextResponse(f"<{request.method} {request.url.path} {said}>")(scope, receive, send)


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    config = uvicorn.Config(echo, port=0, http=OneWrite, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def answers(*packets: bytes) -> Sequence[str]:
    """Give what each call in the packets was answered; the last one has to close the connection."""
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for packet in packets:
            writer.write(packet)
            await asyncio.sleep(0.05)
        text = (await asyncio.wait_for(reader.read(), 10)).decode()
        writer.close()
    assert text.count("HTTP/1.1 ") == text.count("HTTP/1.1 200 OK")
    return [part.partition(">")[0] for part in text.split("<")[1:]]


def call(body: bytes, framing: bytes) -> bytes:
    return b"POST /send HTTP/1.1\r\nHost: a\r\n" + OFFER + framing + b"\r\n\r\n" + body


WHOLE = call(BODY, b"Content-Length: %d" % len(BODY))
CHUNKED = call(
    b"5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (BODY[:5], len(BODY) - 5, BODY[5:]), b"Transfer-Encoding: chunked"
)
SENT = f"POST /send {BODY.decode()}"


@pytest.mark.parametrize("asked", [WHOLE, CHUNKED])
@pytest.mark.parametrize("cut", [0, 30, -len(BODY) - 2, -3])
async def test_the_body_of_a_call_with_an_offer_is_read_however_it_is_cut(asked: bytes, cut: int):
    packets = [asked[:cut], asked[cut:]] if cut else [asked]
    assert await answers(*packets, LAST) == [SENT, "GET /last "]


async def test_a_body_that_comes_after_the_head_of_a_call_with_an_offer_is_left_as_it_is():
    body = '{"nome": "JOÃO CONCEIÇÃO"}'
    head = call(b"", b"Content-Length: %d" % len(body.encode()))
    assert await answers(head, body.encode(), LAST) == [f"POST /send {body}", "GET /last "]


async def test_calls_with_offers_in_one_packet_are_answered_in_their_order():
    bare = b"GET /bare HTTP/1.1\r\nHost: a\r\n" + OFFER + b"\r\n"
    asked = [WHOLE, bare, CHUNKED, WHOLE, LAST]
    assert await answers(b"".join(asked)) == [SENT, "GET /bare ", SENT, SENT, "GET /last "]


async def test_a_call_that_waits_for_100_continue_is_told_to_go_on():
    head, body = WHOLE[: -len(BODY) - 2] + b"Expect: 100-continue\r\n\r\n", BODY
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 200 OK")
        writer.close()
