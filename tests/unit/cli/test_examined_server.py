"""`disparo doctor` finds the server also where only its own command line says that it speaks HTTPS."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests.support.stage import free_port

from disparo.api.certificate import self_signed
from disparo.cli.examine import network
from disparo.cli.examine.finding import Grade
from disparo.settings import Settings


class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/saude" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(params=["http", "https"])
def answering(request, tmp_path):
    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        if request.param == "https":
            pair = self_signed(tmp_path, "127.0.0.1")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield request.param, server.server_address[1]
        server.shutdown()
        thread.join()


def test_one_that_answers_is_found_by_either_way(answering):
    way, port = answering
    found = network._server(Settings(port=port))
    assert (found.grade, found.text) == (Grade.OK, f"pronto em {way}://127.0.0.1:{port}")


def test_one_that_is_not_there_may_have_been_given_another_port():
    found = network._server(Settings(port=free_port()))
    assert found.grade is Grade.WRONG
    assert "DISPARO_PORT=N disparo doctor" in found.remedy
