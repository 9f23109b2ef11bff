"""Nothing that a command lists is cut off, whoever reads it."""

from __future__ import annotations

import io
import sys

import pytest
from rich.table import Column, Table

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


@pytest.mark.parametrize("columns", [40, 50, 79])
def test_a_terminal_too_narrow_for_an_id_shows_all_of_it_and_of_the_others(monkeypatch, columns):
    made = Table(Column("ID", no_wrap=True), "Nome", "Situação", "Criado em", "Faturas")
    cells = ("01a21bcd-874d-730c-8acd-3091a2c91c4a", "dezembro", "enviando", "27/12/2026 00:39", "1234")
    made.add_row(*cells)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdout", Terminal())
    show_table(made)
    (row,) = [line for line in sys.stdout.getvalue().splitlines() if cells[0] in line]
    assert [cell for cell in cells if cell not in row] == []


def test_a_name_in_brackets_is_shown_as_it_is_and_no_terminal_obeys_it(monkeypatch):
    made = Table("Nome")
    names = ("JOAO [/ex] SILVA", "MERCADO [filial] LTDA", "BAR :warning: 24h", "\x1b[2J\x9b31m\u202eANA")
    for name in names:
        made.add_row(name)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    show_table(made)
    shown = sys.stdout.getvalue()
    assert [name for name in names[:3] if name not in shown] == []
    assert "\ufffd[2J\ufffd31m\ufffdANA" in shown
