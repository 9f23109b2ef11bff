"""An address with letters or blanks that nobody escaped is the same address escaped."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.api.test_upgrades import CHUNKED, LAST, SENT, WHOLE, answers, served

pytestmark = pytest.mark.anyio

RAW = "GET /joão HTTP/1.1\r\nHost: a\r\n\r\n".encode()
READ = "GET /joão "


@pytest.mark.parametrize("cut", [0, 3, 8, 9, 10, -2])
async def test_a_raw_letter_is_read_however_it_is_cut(cut: int):
    packets = [RAW[:cut], RAW[cut:]] if cut else [RAW]
    assert await answers(*packets, *packets, LAST) == [READ, READ, "GET /last "]


async def test_only_the_first_line_is_touched():
    body = "não".encode()
    sent = b"POST /send HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    assert await answers(sent, RAW, WHOLE, RAW, CHUNKED, sent[:-3], sent[-3:], RAW, LAST) == [
        "POST /send não",
        READ,
        SENT,
        READ,
        SENT,
        "POST /send não",
        READ,
        "GET /last ",
    ]


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (b"GET /todos da casa HTTP/1.1", "GET /todos da casa "),
        ("GET /a joão b HTTP/1.0".encode(), "GET /a joão b "),
        (b"GET /a  b HTTP/1.1", "GET /a  b "),
    ],
)
async def test_a_raw_blank_is_one_of_the_address(line: bytes, read: str):
    assert await answers(line + b"\r\nHost: a b c\r\nConnection: close\r\n\r\n") == [read]


@pytest.mark.parametrize("line", [b"GET /a b", b"GET a b HTTP/1.1", b"GET /a b HTTP/7.1"])
async def test_what_is_no_first_line_is_none_with_blanks_either(line: bytes):
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line + b"\r\nHost: a\r\n\r\n")
        said = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert said.startswith(b"HTTP/1.1 400 ")
