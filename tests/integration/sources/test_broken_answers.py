"""Answers whose connection breaks: with neither length nor chunks they look whole, however little came."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import socketserver
import struct
from contextlib import contextmanager

import aiohttp
import pytest
from tests.support.hubsoft import CLIENT
from tests.support.serving import serving

from disparo.sources.base import SourceDown, SourceRefused, Step
from disparo.sources.hubsoft import Hubsoft
from disparo.sources.hubsoft_answers import said_of
from disparo.sources.hubsoft_settings import HubsoftSettings

pytestmark = pytest.mark.anyio

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
_BODY = json.dumps(
    {
        "status": "success",
        "faturas": [
            {
                "id_fatura": 7,
                "id_cliente": 1,
                "valor": 10,
                "data_vencimento": "2026-12-01",
                "fatura_ativa": True,
            }
        ],
        "paginacao": {"ultima_pagina": 0, "total_registros": 1},
    }
).encode()
_TOKEN = b'{"token_type":"Bearer","expires_in":3600,"access_token":"um-token"}'
_ZIPPED = gzip.compress(_BODY, mtime=0)
_BOM = b"\xef\xbb\xbf"
#: What comes of an answer before its connection is reset.
CUT = {
    "nothing of the body": b"\r\n",
    "blanks": b"\r\n \r\n",
    "a mark of bytes": b"\r\n" + _BOM,
    "half a mark of bytes": b"\r\n" + _BOM[:2],
    "one sign": b"\r\n{",
    "within a list": b"\r\n" + _BODY[:60],
    "all but the last sign": b"\r\n" + _BODY[:-1],
    "nothing of what is compressed": b"Content-Encoding: gzip\r\n\r\n",
    "the head of what is compressed": b"Content-Encoding: gzip\r\n\r\n" + _ZIPPED[:10],
    "half of what is compressed": b"Content-Encoding: gzip\r\n\r\n" + _ZIPPED[: len(_ZIPPED) // 2],
    "a length, and less": b"Content-Length: 500\r\n\r\n" + _BODY[:60],
    "chunks without an end": b"Transfer-Encoding: chunked\r\n\r\n9\r\n" + _BODY[:9] + b"\r\n",
}


def whole(body, status=b"200 OK"):
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


@contextmanager
def answering(login, answers):
    """Serve: `login` to who asks for a token; of `answers` one after the other to the rest, the last for ever.

    One that has no length is followed by a reset.
    """
    left = {"/oauth/token": list(login)}
    rest, calls = list(answers), []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            _, path, _ = self.rfile.readline().decode().split()
            length = 0
            while (line := self.rfile.readline()).strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.rfile.read(length)
            mine = left.get(path, rest)
            calls.append(path)
            answer = mine.pop(0) if len(mine) > 1 else mine[0]
            self.wfile.write(answer)
            if answer.startswith(_HEAD):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_address[1]}", calls


async def asked(login, answers):
    """Read a page; gives its invoices, and how many calls that took."""
    with answering(login, answers) as (url, calls):
        source = Hubsoft(HubsoftSettings(url=url, **CLIENT, timeout_s=5))
        try:
            page = await source.fetch_page(Step("due"), 0)
            return [row["id"] for row in page.invoices], len(calls)
        finally:
            await source.close()


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
async def test_a_cut_answer_is_asked_for_again(cut):
    found, calls = await asked([whole(_TOKEN)], [_HEAD + cut, whole(_BODY)])
    assert (found, calls) == ([7], 3)


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
async def test_a_cut_login_is_done_again_and_says_nothing_of_our_credentials(cut):
    cut = cut.replace(_BODY[:-1], _TOKEN[:-1])
    found, calls = await asked([_HEAD + cut, whole(_TOKEN)], [whole(_BODY)])
    assert (found, calls) == ([7], 3)


async def test_half_a_head_is_no_answer():
    found, _ = await asked([whole(_TOKEN)], [_HEAD + b"Content-Le", whole(_BODY)])
    assert found == [7]  # our library asks again by itself


async def test_what_came_whole_before_the_reset_is_taken():
    assert await asked([whole(_TOKEN)], [_HEAD + b"\r\n" + _BODY]) == ([7], 2)


async def test_one_that_is_always_cut_is_a_source_that_is_down(monkeypatch):
    monkeypatch.setattr("disparo.sources.hubsoft._TRIES", 2)
    with pytest.raises(SourceDown):
        await asked([whole(_TOKEN)], [_HEAD + b"\r\n"])


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"400 Bad Request"])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":"invalid_client"}'])
async def test_refused_credentials_are_told_whatever_stands_beside(status, body):
    with pytest.raises(SourceRefused, match="credenciais"):
        await asked([whole(body, status)], [whole(_BODY)])


@pytest.mark.parametrize("status", [b"404 Not Found", b"301 Moved Permanently"])
async def test_an_address_that_is_none_of_hubsofts_is_told(status):
    with pytest.raises(SourceRefused, match=rf"{int(status[:3])} a /oauth/token"):
        await asked([whole(b"<html>", status)], [whole(_BODY)])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hubsoft.invalid", ("o nome não existe", "o DNS não responde")),  # as the resolver says
        ("https://127.0.0.1:{port}", ("o HTTPS falha",)),
        ("http://127.0.0.1:{port}", ("não responde",)),
    ],
)
async def test_why_no_answer_came_is_said_in_words(url, words):
    async def say_nothing(reader, _writer):
        if (await reader.read(1))[:1] == b"\x16":  # a hello of TLS
            _writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await asyncio.sleep(2)  # longer than the caller waits
        _writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    timeout = aiohttp.ClientTimeout(sock_read=0.5)
    async with server, aiohttp.ClientSession(timeout=timeout) as session:
        with pytest.raises((aiohttp.ClientError, TimeoutError)) as failed:
            await session.get(url.format(port=port))
    assert said_of(failed.value) in words
