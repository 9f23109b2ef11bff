"""What comes back from HubSoft byte by byte: answers that break off, old callers, heads of any size (docs/api.md §5)."""

from __future__ import annotations

import json
import re
import socket
import socketserver
from urllib.parse import urlsplit

import pytest
from tests.support.house import house as run_house
from tests.support.hubsoft import BASE, CLIENT
from tests.support.serving import serving

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
_LONG = b"x" * 30_000
#: What it writes before it hangs up.
ANSWERS = {
    "inteira": _OK + b"Content-Length: 7\r\n\r\ninteira",
    "em-pedacos": _OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\num,\r\n4\r\ndois\r\n0\r\n\r\n",
    "ate-o-fim": _OK + b"Connection: close\r\n\r\n" + _LONG,
    "cortada": _OK + b"Content-Length: 100\r\n\r\num pedaco",
    "cortada-em-pedacos": _OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\num pedaco\r\n",
    "nao-mudou": b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 70\r\n\r\n',
    "nada": b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n",
    "cabecalho": _OK + b"Content-Length: 2\r\nX-Politica: " + b"p" * 60_000 + b"\r\n\r\nok",
    "cabecalho-sem-fim": _OK + b"Content-Length: 2\r\nX-Politica: " + b"p" * 70_000 + b"\r\n\r\nok",
    "codigo-101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "codigo-999": b"HTTP/1.1 999 Nenhum\r\nContent-Length: 2\r\n\r\nok",
}


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        method, path, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        head, gap, body = ANSWERS[path.removeprefix(f"{BASE}/bruto/")].partition(b"\r\n\r\n")
        self.wfile.write(head + gap + (body if method == "GET" else b""))


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    there = Server(("127.0.0.1", 0), _Handler)
    with serving(there):
        settings = {
            "DISPARO_HUBSOFT_URL": f"http://127.0.0.1:{there.server_address[1]}",
            **{f"DISPARO_HUBSOFT_{name.upper()}": value for name, value in CLIENT.items()},
            "DISPARO_HUBSOFT_TIMEOUT_S": "1",
            "DISPARO_SYNC_EVERY_S": "0",
        }
        folder = tmp_path_factory.mktemp("house")
        with run_house(new_database(), folder, overrides=settings, workers_count=0) as house:
            yield house


def asked(house, what, *, version="1.1", method="GET"):
    """Head and body that come back, to the connection's end; whether that was a reset; what the log has of it."""
    log, parts = house.stage.roles["server"].log, urlsplit(house.stage.base)
    before, found, was_reset = log.read_text(), bytearray(), False
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as ours:
        first = f"{method} {BASE}/bruto/{what} HTTP/{version}\r\n"
        ours.sendall(f"{first}Host: x\r\nAuthorization: Bearer dele\r\nConnection: close\r\n\r\n".encode())
        try:
            while piece := ours.recv(65536):
                found += piece
        except ConnectionResetError:
            was_reset = True
    head, _, body = bytes(found).partition(b"\r\n\r\n")

    named = re.search(rb"x-request-id: (\w+)", head.lower())

    def is_of_another(line):
        """One of a call before this whose line was late; where nothing came back nobody knows which is ours."""
        return line["event"] == "request" and named and line["request_id"] != named[1].decode()

    def written():
        whole = log.read_text().removeprefix(before).rpartition("\n")[0]
        lines = [line for line in map(json.loads, whole.splitlines()) if not is_of_another(line)]
        return lines if any(line["event"] == "request" for line in lines) else None

    return head.decode("latin-1").lower(), body, was_reset, house.until(written)


def test_a_token_of_ours_does_not_leave_under_a_scheme_that_we_do_not_know(house):
    token, path = house.client().token, f"{BASE}/bruto/inteira"
    for before in ("Token ", "JWT ", "Bearer: ", "Bearer Bearer ", "token="):
        assert house.anonymous.get(path, headers={"Authorization": f"{before}{token}"}).status == 401, before
    theirs = {"Authorization": f"Token eyJ{'x' * 60}"}
    assert house.anonymous.get(path, headers=theirs).raw == b"inteira"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_answer_of_a_known_length_keeps_it(house, version):
    head, body, _, _ = asked(house, "inteira", version=version)
    assert "\r\ncontent-length: 7" in head
    assert body == b"inteira"


def test_who_knows_no_chunks_gets_none(house):
    """HTTP/1.0 ends an answer with its connection (RFC 9112 §6.1)."""
    for what, whole in (("em-pedacos", b"um,dois"), ("ate-o-fim", _LONG)):
        head, body, was_reset, _ = asked(house, what, version="1.0")
        assert "transfer-encoding" not in head
        assert "\r\nconnection: close" in head
        assert (body, was_reset) == (whole, False)
        assert "transfer-encoding: chunked" in asked(house, what)[0]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("what", ["cortada", "cortada-em-pedacos"])
def test_what_hubsoft_breaks_off_looks_whole_to_nobody_and_is_no_fault_of_ours(house, what, version):
    head, body, was_reset, lines = asked(house, what, version=version)
    if "transfer-encoding: chunked" in head:
        assert not body.endswith(b"0\r\n\r\n")
    else:
        assert was_reset or "content-length: 100" in head
        assert len(body) < 100
    assert [line["event"] for line in lines] == ["hubsoft_breaks_off", "request"]
    assert lines[-1]["error"] == "ClientPayloadError"


@pytest.mark.parametrize(("what", "status"), [("nao-mudou", 304), ("nada", 204)])
def test_what_has_no_body_ends_with_its_head(house, what, status):
    for version in ("1.0", "1.1"):
        head, body, was_reset, lines = asked(house, what, version=version)
        assert head.startswith(f"http/1.1 {status} ")
        assert "content-length" not in head
        assert "transfer-encoding" not in head
        assert (body, was_reset) == (b"", False)
        assert [line["event"] for line in lines] == ["request"]


def test_a_head_without_its_body_tells_the_length(house):
    head, body, _, lines = asked(house, "inteira", method="HEAD")
    assert "\r\ncontent-length: 7" in head
    assert (body, len(lines)) == (b"", 1)


def test_a_header_may_be_as_long_as_a_callers_head(house):
    head, body, _, _ = asked(house, "cabecalho")
    assert "x-politica: " + "p" * 60_000 in head
    assert body == b"ok"


@pytest.mark.parametrize("what", ["cabecalho-sem-fim", "codigo-999", "codigo-101"])
def test_what_is_no_answer_is_a_502(house, what):
    head, _, _, lines = asked(house, what)
    assert head.startswith("http/1.1 502 ")
    assert [line["event"] for line in lines] == ["hubsoft_does_not_answer", "request"]
