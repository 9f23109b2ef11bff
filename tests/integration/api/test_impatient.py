"""Who brings half a call is not waited for without end; who waits for us is."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from tests.integration.api.test_one_write import House, closed, opened

from disparo.api.protocol import impatient
from disparo.api.protocol.one_write import OneWrite

pytestmark = pytest.mark.anyio

CALL = b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    monkeypatch.setattr(impatient, "_PATIENCE_S", 0.4)
    monkeypatch.setattr(impatient, "_LOOK_EVERY_S", 0.1)


class Reading(House):
    """Reads a body to its end before it answers; `slow_s` before it begins to."""

    slow_s = 0.0
    pieces = 0

    async def __call__(self, scope, receive, send):
        await asyncio.sleep(self.slow_s)
        while scope["method"] == "POST" and (said := await receive())["type"] == "http.request":
            self.pieces += bool(said["body"])
            if not said["more_body"]:
                break
        await super().__call__(scope, receive, send)


@asynccontextmanager
async def calling(house, http=OneWrite):
    server, running, port = await opened(house, http)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(30):
        yield reader, writer
    writer.close()
    await closed(server, running)


def post(path, body, *, length=None):
    return b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (path, length or len(body), body)


@pytest.mark.parametrize("half", [b"", b"GET /3 HT", CALL[:-2], post(b"/3", b"half", length=9)])
async def test_half_a_call_is_hung_up_on(half):
    async with calling(Reading()) as (reader, writer):
        writer.write(half)
        assert await reader.read() == b""


async def test_half_a_second_call_is_too():
    async with calling(Reading()) as (reader, writer):
        writer.write(CALL)
        await reader.readuntil(b"xxx")
        writer.write(b"GET /3 HT")
        assert await reader.read() == b""


async def test_an_answer_that_takes_its_time_is_not():
    house = Reading()
    async with calling(house) as (reader, writer):
        writer.write(post(b"/stream", b"body"))
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1.0)  # longer than one who owes us something has
        house.paused.set()
        assert b"two" in await reader.readuntil(b"0\r\n\r\n")


async def test_a_body_that_we_are_slow_to_read_is_not_owed():
    house = Reading()
    house.slow_s = 1.0
    async with calling(house) as (reader, writer):
        writer.write(post(b"/3", b"x" * 3_000_000))
        assert b"200 OK" in await reader.readuntil(b"xxx")


class Ahead:
    """A loop whose clock a test puts forward."""

    by_s = 0.0

    def __init__(self, loop):
        self._loop = loop

    def __getattr__(self, name):
        return getattr(self._loop, name)

    def time(self):
        return self._loop.time() + Ahead.by_s


class WithAnotherClock(OneWrite):
    def connection_made(self, transport):
        self.loop = Ahead(self.loop)
        super().connection_made(transport)


@pytest.fixture
def a_minute(monkeypatch):
    """So long is anyone waited for, by the clock that is put forward."""
    monkeypatch.setattr(impatient, "_PATIENCE_S", 60.0)
    monkeypatch.setattr(Ahead, "by_s", 0.0)


async def test_a_body_in_small_pieces_is_waited_for(a_minute):
    house = Reading()
    async with calling(house, http=WithAnotherClock) as (reader, writer):
        writer.write(post(b"/3", b"", length=6))
        for come, piece in enumerate((b"a", b"b", b"c", b"d", b"e", b"f"), 1):
            writer.write(piece)
            while house.pieces < come:
                await asyncio.sleep(0.01)
            Ahead.by_s += 40.0  # less than anyone's patience, all of them more
            await asyncio.sleep(0.3)  # it looks
        assert b"200 OK" in await reader.readuntil(b"xxx")


async def test_a_piece_that_does_not_come_is_not(a_minute):
    house = Reading()
    async with calling(house, http=WithAnotherClock) as (reader, writer):
        writer.write(post(b"/3", b"a", length=6))
        while not house.pieces:
            await asyncio.sleep(0.01)
        Ahead.by_s = 61.0
        assert await reader.read() == b""


async def test_a_head_in_small_pieces_is_not():
    async with calling(Reading()) as (reader, writer):
        answer = asyncio.create_task(reader.read())
        for piece in b"GET /3 HTTP/1.1\r\nX: a long one":
            writer.write(bytes([piece]))
            await asyncio.sleep(0.1)
            if answer.done():
                break
        else:
            raise AssertionError("it was waited for")
        assert await answer == b""
