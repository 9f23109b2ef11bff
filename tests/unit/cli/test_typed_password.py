"""A password that is typed is typed twice."""

from __future__ import annotations

import pytest
import typer

from disparo.cli.accounts import _password
from disparo.errors import DisparoError


@pytest.fixture
def typed(monkeypatch):
    def typed(*answers):
        rest = list(answers)
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
