"""How people are told of faults, where one of several addresses does not answer."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.support.lines import lines_of
from tests.support.program import command
from tests.support.serving import serving
from tests.support.stage import free_port

from disparo.cli import telling
from disparo.cli.telling import teller
from disparo.errors import SettingsInvalid
from disparo.settings import load_settings

# One of the library's many ways loads a module that newer Pythons lack.
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:.imghdr. is deprecated:DeprecationWarning"),
]


@contextmanager
def listener():
    """Give the address of one who is told, and what it was told."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["message"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"json://127.0.0.1:{server.server_port}/", heard


def nobody():
    return f"json://127.0.0.1:{free_port()}/"


async def test_whoever_could_be_told_is_told_once_though_another_could_not():
    with listener() as (address, heard), lines_of(telling) as lines:
        tell = teller(load_settings(alerts=[nobody(), address]))
        assert await tell("Disparo: atenção", "A plataforma parou") is True
    assert heard == ["A plataforma parou"]
    assert [(line["event"], line["missing"]) for line in lines] == [("alert_not_told_everywhere", ["JSON"])]


async def test_an_alert_that_nobody_could_be_told_of_is_for_another_try():
    assert await teller(load_settings(alerts=[nobody(), nobody()]))("Disparo: atenção", "x") is False


async def test_the_library_that_is_missing_is_for_the_programs_own_environment(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(SettingsInvalid, match=rf"{sys.prefix}/bin/pip install 'disparo\[alertas\]'"):
        teller(load_settings(alerts=["json://127.0.0.1/"]))


def test_addresses_are_tried_before_they_are_needed():
    with listener() as (address, heard):
        done = command("avisos", "testar", env={"DISPARO_ALERTS": json.dumps([nobody(), address])})
        assert heard == ["Este é um aviso de teste: está tudo bem."]
        assert command("avisos", "testar", env={"DISPARO_ALERTS": json.dumps([address])}).returncode == 0
    assert done.stdout == "1º endereço (JSON): NÃO recebeu\n2º endereço (JSON): recebeu\n"
    assert (done.returncode, "Confira estes endereços" in done.stderr) == (1, True), done.stderr
    nobody_asked = command("avisos", "testar")
    assert (nobody_asked.returncode, "Não há endereços" in nobody_asked.stderr) == (1, True)
