"""Nothing that a command lists is cut off, whoever reads it."""

from __future__ import annotations

import io
import sys

import pytest
from rich.table import Table

from disparo.cli.tables import show_table

EMAIL = "um.endereco.bem.comprido.de.alguem@financeiro.provedor.com.br"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def table():
    made = Table("Token", "Usuário", "Vence")
    made.add_row("0" * 36, EMAIL, "27/12/2026 00:39")
    return made


def test_what_is_piped_has_one_line_a_row(table, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    show_table(table)
    (row,) = [line for line in sys.stdout.getvalue().splitlines() if EMAIL in line]
    assert "27/12/2026 00:39" in row
    assert len(row) < 200


def test_a_terminal_folds_what_is_too_long(table, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", Terminal())
    show_table(table)
    assert "…" not in sys.stdout.getvalue()
