"""A password that is typed is typed twice."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import typer

from disparo.cli import accounts
from disparo.cli.accounts import _password
from disparo.errors import DisparoError


@pytest.fixture
def typed(monkeypatch):
    def typed(*answers):
        rest = list(answers)
        monkeypatch.setattr(accounts, "has_terminal", lambda: True)
        monkeypatch.setattr(typer, "prompt", lambda _question, *, hide_input: hide_input and rest.pop(0))

    return typed


def test_it_is_the_same_both_times(typed):
    typed("correta1", "correta1")
    assert _password(own=True) == "correta1"
    typed("correta1", "errada12")
    with pytest.raises(DisparoError, match="As duas senhas não são iguais"):
        _password(own=True)


def test_it_is_long_enough(typed):
    typed("curta", "curta")
    with pytest.raises(DisparoError, match="de 8 a 200"):
        _password(own=True)


def test_without_a_terminal_it_is_read_as_it_comes_and_nothing_is_said_in_english():
    done = subprocess.run(
        [sys.executable, "-m", "disparo", "usuario", "criar", "a@example.com", "--digitar-senha"],
        input="correta1\nerrada12\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        start_new_session=True,
        env={**os.environ, "DISPARO_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"},
    )
    said = done.stdout + done.stderr
    assert (done.returncode, "As duas senhas não são iguais" in said) == (1, True), said
    assert "Warning" not in said
