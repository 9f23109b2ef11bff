"""Who sends a large body over a slow line, and closes, hears why it is refused."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from tests.support.house import house as run_house

BASE = "/api/v1/integracao"
BODY = b'{"x":"' + b"a" * 300_000 + b'"}'


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    with run_house(new_database(), tmp_path_factory.mktemp("reading"), workers_count=0) as house:
        yield house


def told(house, call, *headers, body=BODY, at_once=50_000):
    """What comes back to the end of the connection; all is sent before anything is read, as PHP does."""
    parts, found = urlsplit(house.stage.base), b""
    head = "\r\n".join([call, "Host: x", "Content-Type: application/json", *headers, "", ""]).encode()
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as ours:
        ours.sendall(head)
        for start in range(0, len(body), at_once):
            time.sleep(0.03)  # a slow line: the server has answered long before the last of it
            ours.sendall(body[start : start + at_once])
        while piece := ours.recv(65536):
            found += piece
    return found


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (f"PUT {BASE}/cliente HTTP/1.1", b"401"),
        (f"PUT {BASE}/cliente HTTP/1.0", b"401"),
        (f"POST {BASE}/cliente/financeiro/enviar_sms HTTP/1.1", b"401"),
        (f"POST {BASE}/nada HTTP/1.1", b"404"),
        ("POST /oauth/token HTTP/1.1", b"413"),
    ],
)
def test_a_refusal_reaches_who_closes_after_a_large_body(house, call, status):
    answer = told(house, call, f"Content-Length: {len(BODY)}", "Connection: close")
    assert answer.split()[1] == status
    assert answer.endswith(b"}")


def test_a_refusal_reaches_who_closes_after_a_body_in_chunks(house):
    chunks = b"".join(b"%x\r\n%s\r\n" % (1000, b"a" * 1000) for _ in range(300)) + b"0\r\n\r\n"
    headers = ("Transfer-Encoding: chunked", "Connection: close")
    assert told(house, f"PUT {BASE}/cliente HTTP/1.1", *headers, body=chunks).split()[1] == b"401"


def test_bodies_that_never_come_keep_nobody_else_out(house):
    parts, client = urlsplit(house.stage.base), house.client()
    head = f"POST {BASE}/cliente/financeiro/enviar_sms HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(600):  # more than may wait (most_waiting)
            one = stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=20))
            one.sendall(head.encode())
        assert client.send({"id_fatura": 999_999_999}).status == 422


def test_who_asks_before_sending_hears_the_refusal_at_once(house):
    headers = (f"Content-Length: {len(BODY)}", "Connection: close", "Expect: 100-continue")
    assert told(house, f"PUT {BASE}/cliente HTTP/1.1", *headers, body=b"").split()[1] == b"401"
