"""`disparo plataforma saldo`: what credit is left, asked over the wire, and nothing sent."""

from __future__ import annotations

import http.server

import pytest
from tests.support.program import command
from tests.support.serving import serving


@pytest.fixture
def vendor():
    asked = []

    class Vendor(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = b'{"situacao": "OK", "saldo_sms": "1200"}' if "key=certa" in self.path else b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}", asked


def test_the_credit_of_every_platform_is_told(vendor, tmp_path):
    url, asked = vendor
    config = tmp_path / "disparo.toml"
    config.write_text(
        "".join(
            f'[platforms.{name}]\ntype = "smsdev"\nurl = "{url}/v1/send"\nsecrets = {{ chave = "{key}" }}\n'
            for name, key in (("boa", "certa"), ("ruim", "errada"))
        )
        + '[platforms.muda]\nurl = "http://127.0.0.1:1/"\njson = { a = "{texto}" }\n'
    )
    told = command("plataforma", "saldo", env={"DISPARO_CONFIG": str(config)})
    assert "boa: saldo 1200" in told.stdout
    assert (
        "ruim: não respondeu como devia (a plataforma recusou por um motivo que o Disparo não conhece"
        in told.stdout
    )
    assert "muda: não informa o saldo" in told.stdout
    assert told.returncode == 1
    assert all(path.startswith("/v1/balance?key=") for path in asked)
    assert "certa" not in told.stdout + told.stderr
