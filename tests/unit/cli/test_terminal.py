"""What a terminal or a script gives a command, and takes from it, as odd as it may be."""

from __future__ import annotations

import os
import subprocess
import sys

DISPARO = [sys.executable, "-m", "disparo"]
NOWHERE = {**os.environ, "DISPARO_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}


def run(*arguments, **kwargs):
    return subprocess.run(
        arguments,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
        start_new_session=True,  # without a terminal that could be asked
        **{"env": NOWHERE, **kwargs},
    )


def test_an_argument_with_a_byte_that_is_not_utf_8_is_refused_in_words():
    done = run(*DISPARO, "cliente-api", "criar", b"cobran\xe7a")
    said = "Erro: um argumento não está em UTF-8: confira o terminal.\n"
    assert (done.returncode, done.stderr.decode()) == (1, said)


def test_a_reader_that_has_seen_enough_is_no_fault():
    for words in (("plataforma", "presets"), ("--help",)):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as output:
            done = run(*DISPARO, *words, stdout=output)
        assert (done.returncode, done.stderr) == (1, b""), done.stderr


def test_closed_input_is_as_an_empty_one():
    words = ("usuario", "criar", "a@example.com", "--digitar-senha")
    done = run("sh", "-c", 'exec "$@" <&-', "sh", *DISPARO, *words, stdout=subprocess.DEVNULL)
    assert (done.returncode, done.stderr.decode()) == (1, "Interrompido.\n")


def test_closed_output_is_no_fault():
    done = run("sh", "-c", 'exec "$@" >&-', "sh", *DISPARO, "plataforma", "presets")
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_sign_that_the_terminal_has_not_ends_no_command(tmp_path):
    """What was done is done by then, and a secret may be shown only now."""
    file = tmp_path / "c.csv"
    file.write_text("id_cliente;nome;situação da casa\n", encoding="utf-8")
    environment = {**NOWHERE, "PYTHONIOENCODING": "ascii"}
    done = run(*DISPARO, "importar", "clientes", str(file), stdout=subprocess.PIPE, env=environment)
    assert done.stdout.decode() == "colunas ignoradas: situa\\xe7\\xe3o da casa\n"
    assert b"Traceback" not in done.stderr
