"""A clock that is not the platforms' is told of, by what they answer anyway."""

from __future__ import annotations

import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from tests.support.house import house as run_house
from tests.support.serving import serving

from disparo.cli.chores import clock_signs


class StandIn:
    """A platform that takes everything and whose clock is wrong."""

    def __init__(self):
        self.ahead_s = -5430.0
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def date_time_string(self, timestamp=None):
                return formatdate((timestamp or time.time()) + platform.ahead_s, usegmt=True)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="module")
def platform():
    platform = StandIn()
    with serving(platform.server):
        yield platform


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, listener, platform):
    folder = tmp_path_factory.mktemp("clock")
    file = folder / "disparo.toml"
    file.write_text(
        f"""alerts = ["json://127.0.0.1:{listener.port}/"]
real_sending = true
[platforms.principal]
type = "generic_http"
url = "http://127.0.0.1:{platform.server.server_address[1]}/sms"
json = {{to = "{{telefone}}", text = "{{texto}}"}}
success = {{status = [200]}}
""",
        encoding="utf-8",
    )
    with run_house(new_database(), folder, settings_file=file) as house:
        yield house


def send(house):
    answer = house.client().send({"id_fatura": "11000", "telefone_adicional": ["11988887777"]})
    assert answer.status == 200, answer.raw


def test_it_is_told_of_once_and_is_over_when_the_clocks_agree(house, listener, platform):
    send(house)
    house.until(
        lambda: listener.said("está 1 h 30 min adiantado, pelo relógio da plataforma principal"), seconds=40
    )
    assert len(listener.said("O relógio da máquina")) == 1
    platform.ahead_s = 0.0

    def is_over():
        send(house)  # one answer in ten seconds is looked at
        time.sleep(0.5)  # ... and to send as fast as it goes would take the other tests' time
        return listener.said("não difere mais")

    house.until(is_over, seconds=120)
    assert len(listener.said("O relógio da máquina")) == 2


@pytest.mark.parametrize(
    ("ahead", "says"),
    [
        ([], None),
        ([None], None),
        ([29.0], None),
        ([31.0], "31 s atrasado, pelo relógio da plataforma p0"),
        ([-7200.0, None], "2 h 0 min adiantado, pelo relógio da plataforma p0"),
        ([3600.0, 1.0], None),
        ([3600.0, 40.0], "40 s atrasado, pelo relógio da plataforma p1"),
    ],
)
def test_it_is_wrong_where_no_platform_agrees_with_it(ahead, says):
    platforms = {f"p{n}": SimpleNamespace(clock_ahead_s=ahead_s) for n, ahead_s in enumerate(ahead)}
    assert [sign.detail for sign in clock_signs(platforms)] == ([says] if says else [])
