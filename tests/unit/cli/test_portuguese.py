"""The command line speaks Portuguese, in what the library behind it says too."""

from __future__ import annotations

import re
import sys

import pytest
import typer

from disparo.cli.app import _COMMANDS, _load, main
from disparo.settings import load_settings

_ENGLISH = re.compile(
    r"\b(Usage|Options?|Commands?|Arguments?|Show this|default|required|Error|Invalid|Missing|Try|No such|"
    r"Input should|Value error|range|path|str)\b(?!\.)"
)


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["disparo", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return run


def commands():
    for name, command in _COMMANDS.items():
        yield [name]
        found = _load(command)
        if isinstance(found, typer.Typer):
            yield from ([name, one.name or one.callback.__name__] for one in found.registered_commands)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_holds_no_english(run, words):
    status, said = run(*words, "--help")
    assert status == 0
    assert said.startswith(f"Uso: disparo {' '.join(words)} ")
    assert "Mostra esta ajuda e termina." in said
    assert not _ENGLISH.search(said), said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("nada", "Erro: o comando 'nada' não existe."),
        ("importa", "Erro: o comando 'importa' não existe; parecidos: 'importar'."),
        ("db backu", "Erro: o comando 'backu' não existe; parecidos: 'backup'."),
        ("--nada", "Erro: a opção --nada não existe."),
        ("disparar --simula", "Erro: a opção --simula não existe; parecidas: --simular."),
        ("usuario nada", "Erro: o comando 'nada' não existe."),
        ("db backup", "Erro: falta 'arquivo'."),
        ("db backup a b c", "Erro: sobra na linha: b c."),
        ("serve --porta", "Erro: falta o valor de '--porta'."),
        ("serve --porta x", "Erro: '--porta': deve ser um número inteiro."),
        ("serve --porta 70000", "Erro: '--porta': deve ser 65535 ou menos."),
        ("serve --processos 0", "Erro: '--processos': deve ser 1 ou mais."),
        ("execucao ver x", "Erro: 'ID': não é um ID como 01a21bcd-"),
        ("disparar --simular=1", "Erro: '--simular' não leva valor."),
        ("disparar --status pago", "Erro: '--status': 'pago' não é um destes: 'aguardando', 'vencido'."),
        ("disparar --ate hoje", "Erro: '--ate': 'hoje' não é uma data como 2026-12-31 ou 31/12/2026."),
    ],
)
def test_what_is_typed_wrong_is_said_in_words(run, words, says):
    status, said = run(*words.split())
    assert status == 2
    assert says in said
    assert not _ENGLISH.search(said), said


def test_a_file_that_is_closed_to_its_reader_is_said_in_words(run, monkeypatch, tmp_path):
    monkeypatch.setattr("os.access", lambda *_: False)
    status, said = run("importar", "clientes", str(tmp_path))
    assert status == 2
    assert f"Erro: 'ARQUIVO': '{tmp_path}' não pode ser lido por este usuário." in said


def test_an_empty_folder_is_not_the_one_the_user_is_in(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run("usuario", "listar", "--dados", "")[1].endswith("Erro: '--dados': está vazio.\n")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("DISPARO_DATA_DIR", "")
    assert load_settings().data_dir is None


def test_a_command_alone_tells_its_help(run):
    status, said = run("usuario")
    assert status == 2
    assert said.startswith("Uso: disparo usuario [OPÇÕES] COMANDO [ARGUMENTOS]...")
    assert "criar    Cria um usuário" in said
