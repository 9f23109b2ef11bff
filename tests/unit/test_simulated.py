"""The simulated platform and what is made up stay away from real ones."""

from __future__ import annotations

import json
import os

import pytest

from disparo.cli import demo, launch
from disparo.errors import DisparoError
from disparo.settings import SIMULATED, load_settings

REAL = """\
real_sending = true
public_url = "https://sms.provedor.com.br"

[platforms.de_verdade]
type = "generic_http"
url = "https://api.exemplo.com.br/sms"
json = { to = "{telefone}", text = "{texto}" }
"""
BROUGHT = {
    "platforms": {"simulador": {"type": "simulator", "url": "http://127.0.0.1:8001"}},
    "public_url": "http://127.0.0.1:8000",
}


@pytest.fixture
def file(tmp_path, monkeypatch):
    written = tmp_path / "disparo.toml"
    written.write_text(REAL, encoding="utf-8")
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"]})
    return written


def test_a_demonstration_reads_no_settings_of_the_machine(file, monkeypatch):
    monkeypatch.setattr("disparo.settings.SYSTEM_FILE", file)
    assert "de_verdade" in load_settings().platforms
    seen = []

    def open_database(*_):
        seen.append(load_settings())
        raise DisparoError("so far")

    monkeypatch.setattr(demo, "open_database", open_database)
    with pytest.raises(DisparoError, match="so far"):
        demo.demo()
    assert (seen[0].platforms, seen[0].real_sending) == ({}, False)


def test_the_simulated_platform_is_used_while_there_is_no_other(monkeypatch):
    monkeypatch.setenv(SIMULATED, json.dumps(BROUGHT))
    found = load_settings()
    assert (found.platforms, found.public_url) == (BROUGHT["platforms"], BROUGHT["public_url"])


def test_it_is_never_used_beside_another(file, monkeypatch):
    monkeypatch.setenv("DISPARO_CONFIG", str(file))
    monkeypatch.setenv(SIMULATED, json.dumps(BROUGHT))
    found = load_settings()
    assert (list(found.platforms), found.public_url) == (["de_verdade"], "https://sms.provedor.com.br")


@pytest.mark.parametrize(("said", "pinned"), [(None, None), (0.0, "0.0")])
def test_what_the_settings_say_of_the_delay_may_change_unless_the_command_line_says_it(
    tmp_path, said, pinned
):
    plan = launch.Plan(load_settings(), tmp_path, 8000, 1, (), None, delay_s=said)
    assert launch._environment(plan, "postgresql://x").get("DISPARO_DISPATCH_DELAY_S") == pinned
