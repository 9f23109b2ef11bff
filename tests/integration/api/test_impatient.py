"""Who brings half a call is not waited for without end; who waits for us is."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.api.test_one_write import House, closed, opened

from disparo.api import impatient

pytestmark = pytest.mark.anyio

CALL = b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    monkeypatch.setattr(impatient, "_PATIENCE_S", 0.4)
    monkeypatch.setattr(impatient, "_LOOK_EVERY_S", 0.1)


class Reading(House):
    """Reads a body to its end before it answers."""

    async def __call__(self, scope, receive, send):
        while scope["method"] == "POST" and (said := await receive())["type"] == "http.request":
            if not said["more_body"]:
                break
        await super().__call__(scope, receive, send)


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"GET /3 HT",
        CALL[:-2],
        b"POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
    ],
)
async def test_half_a_call_is_hung_up_on(half):
    server, running, port = await opened(Reading())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(half)
    assert await asyncio.wait_for(reader.read(), 3) == b""
    writer.close()
    await closed(server, running)


async def test_half_a_second_call_is_too():
    server, running, port = await opened(Reading())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(CALL)
    await asyncio.wait_for(reader.readuntil(b"xxx"), 3)
    writer.write(b"GET /3 HT")
    assert await asyncio.wait_for(reader.read(), 3) == b""
    writer.close()
    await closed(server, running)


async def test_an_answer_that_takes_its_time_is_not():
    house = Reading()
    server, running, port = await opened(house)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    await asyncio.sleep(1.0)  # longer than one who owes us something has
    house.paused.set()
    assert b"two" in await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
    writer.close()
    await closed(server, running)


async def test_a_body_in_small_pieces_is_waited_for():
    server, running, port = await opened(Reading())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n")
    for piece in (b"a", b"b", b"c", b"d", b"e", b"f"):
        await asyncio.sleep(0.2)
        writer.write(piece)
    assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"xxx"), 5)
    writer.close()
    await closed(server, running)
