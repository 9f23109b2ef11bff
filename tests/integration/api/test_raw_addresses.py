"""An address with letters that nobody escaped is the same address escaped."""

from __future__ import annotations

import pytest
from tests.integration.api.test_upgrades import CHUNKED, LAST, SENT, WHOLE, answers

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
