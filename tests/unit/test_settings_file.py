"""A settings file of the machine that is closed to whoever runs a command is never passed over."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from disparo.errors import SettingsInvalid
from disparo.settings import load_settings

NOBODY = 65534


@contextmanager
def somebody():
    """To root nothing is closed."""
    before = os.geteuid()
    os.seteuid(NOBODY if before == 0 else before)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def file(monkeypatch):
    folder = Path(tempfile.mkdtemp(prefix="disparo-settings-"))
    folder.chmod(0o755)
    written = folder / "disparo.toml"
    written.write_text('brand = "Provedor"\n', encoding="utf-8")
    monkeypatch.delenv("DISPARO_CONFIG", raising=False)
    monkeypatch.setattr("disparo.settings.SYSTEM_FILE", written)
    yield written
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("closed", [lambda file: file, lambda file: file.parent], ids=["file", "folder"])
def test_a_file_that_is_closed_to_this_user_is_refused_in_words(file, closed):
    closed(file).chmod(0)
    with somebody(), pytest.raises(SettingsInvalid, match="por este usuário: use sudo") as said:
        load_settings()
    assert str(file) in str(said.value)


def test_a_file_that_is_not_there_is_none(file):
    assert load_settings().brand == "Provedor"
    file.unlink()
    assert load_settings().brand != "Provedor"


def test_an_empty_address_is_not_set_and_opens_nothing_to_the_world(file, monkeypatch):
    file.write_text('host = ""\n', encoding="utf-8")
    assert load_settings().host == "127.0.0.1"
    monkeypatch.setenv("DISPARO_HOST", "")
    file.write_text('host = "0.0.0.0"\n', encoding="utf-8")
    assert load_settings(host="").host == load_settings().host == "127.0.0.1"


def test_a_path_at_home_is_there_and_no_folder_called_so(file, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ana")
    file.write_text(
        'data_dir = "~/dados"\ntls_certificate = "~/tls.crt"\ntls_key = "~/tls.key"\n', encoding="utf-8"
    )
    read = load_settings()
    assert (read.data_dir, read.tls_certificate) == (Path("/home/ana/dados"), Path("/home/ana/tls.crt"))
    file.write_text('data_dir = "~nao-existe/dados"\n', encoding="utf-8")
    with pytest.raises(SettingsInvalid, match="data_dir: o ~ não vale aqui"):
        load_settings()
