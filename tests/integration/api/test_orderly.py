"""What is no HTTP is refused in Portuguese, and never in the place of the answer to a whole call."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.api.test_impatient import CALL, Reading, calling, post

from disparo.api.protocol import HttpProtocol

pytestmark = pytest.mark.anyio

JUNK = b"}\r\n\r\n"
REFUSED = "A chamada não é HTTP válido.".encode()


class Slow(Reading):
    """Begins when all that is said to it has come."""

    def __init__(self):
        super().__init__()
        self.all_has_come = asyncio.Event()

    async def __call__(self, scope, receive, send):
        await self.all_has_come.wait()
        await super().__call__(scope, receive, send)


async def answers(house, *pieces, closes=False):
    """All that comes back on one connection, until it is closed; pieces are sent 0.1 s apart.

    `closes`: the caller's side is closed after them.
    """
    async with calling(house, http=HttpProtocol) as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.1)
        if closes:
            writer.write_eof()
            await asyncio.sleep(0.1)
        if isinstance(house, Slow):
            house.all_has_come.set()
        return await reader.read()


@pytest.mark.parametrize("junk", [JUNK, b"GARBAGE / HTTP/9.9\r\n\r\n", b"\xff" * 40])
async def test_what_is_no_http_is_refused_in_portuguese(junk):
    said = await answers(Reading(), junk)
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert REFUSED in said
    assert b"content-type: application/json" in said


@pytest.mark.parametrize(
    "pieces",
    [
        (post(b"/3", b"body") + JUNK,),
        (post(b"/3", b"body"), JUNK),
        (post(b"/3", b"body"), b"}", JUNK),
        (post(b"/3", b"body"), b"x" * 200_000),
    ],
)
async def test_a_whole_call_gets_its_answer_whatever_follows_it(pieces):
    said = await answers(Slow(), *pieces)
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"\r\n\r\nxxx")


async def test_so_do_several_whole_calls():
    said = await answers(Slow(), CALL + CALL + JUNK)
    assert said.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert b"400" not in said


async def test_after_an_answer_the_refusal_stands_for_itself():
    async with calling(Reading(), http=HttpProtocol) as (reader, writer):
        writer.write(CALL)
        assert (await reader.readuntil(b"xxx")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.write(JUNK)
        said = await reader.read()
    assert said.endswith(REFUSED + b'", "errors": []}')


async def test_a_body_that_is_no_chunks_is_refused():
    call = b"POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nno size\r\n"
    assert REFUSED in await answers(Reading(), call)


async def test_a_second_call_with_a_broken_body_does_not_speak_for_the_first():
    broken = b"POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"
    assert b"400" not in await answers(Slow(), CALL + broken)


async def test_who_closes_their_side_after_a_whole_call_is_answered():
    # They would take it for not done, and call again.
    call = post(b"/3", b"body")
    for pieces, count in (((call,), 1), ((call + call,), 2), ((call[:-2], call[-2:] + JUNK), 1)):
        said = await answers(Slow(), *pieces, closes=True)
        assert said.count(b"HTTP/1.1 200 OK\r\n") == count
        assert said.endswith(b"\r\n\r\nxxx")


@pytest.mark.parametrize("pieces", [(), (CALL[:-2],), (post(b"/3", b"bo", length=4),), (CALL,)])
async def test_where_nothing_is_lost_the_connection_ends_at_once(pieces):
    assert await answers(Slow(), *pieces, closes=True) == b""
