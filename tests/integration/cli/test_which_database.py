"""A command never acts on another database than the one it was told of."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from tests.support.program import a_platform


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
    status, said = command("usuario", "criar", "ana@example.com", "--dados", folder / "dados", **there)
    assert (status, "Usuário criado: ana@example.com" in said) == (0, True), said
    status, said = command("retidas", "listar", "--dados", folder / "dados", **there)
    assert (status, "0 mensagem(ns) retida(s)." in said) == (0, True), said


@pytest.mark.parametrize(
    "words",
    [
        ("db", "backup", "copia.dump"),
        ("token", "revogar", "--todos"),
        ("retomar",),
        ("usuario", "listar"),
        ("execucao", "listar"),
    ],
)
def test_a_folder_without_a_database_is_a_mistake_and_none_is_made_there(
    command, tmp_path, monkeypatch, words
):
    monkeypatch.chdir(tmp_path)
    status, said = command(*words, "--dados", tmp_path / "pasta", DISPARO_DATABASE_URL="")
    expected = f"Erro: Não há banco do Disparo em {tmp_path}/pasta. Confira --dados (ou data_dir). Nada foi alterado.\n"
    assert (status, said) == (1, expected)
    assert list(tmp_path.iterdir()) == []


def test_a_platform_can_be_looked_at_before_the_first_start(command, folder):
    """So the page on installing begins."""
    words = ("plataforma", "listar", "--dados", folder / "dados")
    status, said = command(*words, DISPARO_DATABASE_URL="", **a_platform())
    assert (status, said.startswith("nenhures: generic_http")) == (0, True), said


def test_a_database_that_no_disparo_has_prepared_is_not_copied(command, empty_dsn, tmp_path):
    """No restore would take the copy."""
    status, said = command("db", "backup", tmp_path / "copia.dump", DISPARO_DATABASE_URL=empty_dsn)
    assert (status, "Este banco não tem dados do Disparo" in said) == (1, True), said
    assert list(tmp_path.iterdir()) == []
