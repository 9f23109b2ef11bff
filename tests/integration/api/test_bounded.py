"""Who sends a head without an end is hung up on, before it fills the memory and holds up everybody else."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.api.test_upgrades import BODY, SENT, answers, served

pytestmark = pytest.mark.anyio

START = b"POST /send HTTP/1.1\r\nHost: a\r\n"
ENDLESS = [
    b"GET /",
    START + b"X-Long: ",
    START + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Long: ",
    START + b"Transfer-Encoding: chunked\r\n\r\n1;x=",
    START + b"Connection: Upgrade\r\nUpgrade: h2c\r\nX-Long: ",
]


async def flood(port: int, begun: bytes) -> None:
    """Send 20 MB of it; raises ConnectionError where the other side hangs up."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begun)
    try:
        for _ in range(200):
            writer.write(b"a" * 100_000)
            await asyncio.wait_for(writer.drain(), 10)
            await asyncio.sleep(0.001)
    finally:
        writer.close()


@pytest.mark.parametrize("begun", ENDLESS)
async def test_a_head_without_an_end_is_refused(begun: bytes):
    async with served() as port:
        with pytest.raises(ConnectionError):
            await flood(port, begun)


async def test_a_long_head_and_a_long_body_are_read():
    head = START + b"X-Long: %s\r\nContent-Length: %d\r\n\r\n" % (b"a" * 50_000, len(BODY))
    long = START + b"Connection: close\r\nContent-Length: 600000\r\n\r\n" + b"x" * 600_000
    assert await answers(
        head[:20_000], head[20_000:] + BODY[:5], BODY[5:], long[:300_000], long[300_000:]
    ) == [
        SENT,
        "POST /send " + "x" * 600_000,
    ]
