"""The simulated platform and what is made up stay away from real ones."""

from __future__ import annotations

import os

import pytest

from disparo.cli import demo
from disparo.errors import DisparoError
from disparo.settings import load_settings

REAL = """\
real_sending = true
public_url = "https://sms.provedor.com.br"

[platforms.de_verdade]
type = "generic_http"
url = "https://api.exemplo.com.br/sms"
json = { to = "{telefone}", text = "{texto}" }
"""


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
