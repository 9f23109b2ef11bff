"""A command never acts on another database than the one it was told of."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="disparo-which-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.parametrize(
    "words",
    [
        ("db", "backup", "copia.dump"),
        ("db", "restore", __file__),
        ("retomar",),
        ("usuario", "listar"),
        ("execucao", "listar"),
    ],
)
def test_a_folder_is_refused_where_the_settings_name_another_database(command, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    status, said = command(*words, "--dados", tmp_path / "pasta")
    assert (status, said.startswith("Erro: --dados é a pasta de um banco próprio")) == (1, True), said
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_taken_where_an_empty_address_says_so(command, folder):
    settings = folder / "disparo.toml"
    settings.write_text('database_url = "postgresql://x@127.0.0.1:1/x"\n')
    there = {"DISPARO_CONFIG": str(settings), "DISPARO_DATABASE_URL": ""}
    status, said = command("retidas", "listar", "--dados", folder / "dados", **there)
    assert (status, "0 mensagem(ns) retida(s)." in said) == (0, True), said
