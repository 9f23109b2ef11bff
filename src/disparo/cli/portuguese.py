"""What the library of the command line says, in Portuguese: the frame of help, and what was typed wrong."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from typer import Abort

# Its own copy of click: the one that knows what is wrong, and how help is written.
from typer._click.exceptions import NoArgsIsHelpError, UsageError
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup

#: Of help: what the library writes around our own words.
_HELP = (
    (r"^Options$", "Opções"),
    (r"^Commands$", "Comandos"),
    (r"^Arguments$", "Argumentos"),
    (r"\[OPTIONS\]", "[OPÇÕES]"),
    (r"COMMAND \[ARGS\]\.\.\.", "COMANDO [ARGUMENTOS]..."),
    (r"Show this message and exit\.", "Mostra esta ajuda e termina."),
    (r"\[default: ", "[padrão: "),
    (r"\[required\]", "[obrigatório]"),
    (r"; required\]", "; obrigatório]"),
    (r"<(?:list\[)?(?:int|float)(?: range)?\]?>", "<número>"),
    (r"<(?:list\[)?str\]?>", "<texto>"),
    (r"<(?:list\[)?path\]?>", "<arquivo>"),
    (r"%Y-%m-%d", "AAAA-MM-DD"),
    (r"%d/%m/%Y", "DD/MM/AAAA"),
    (r"T%H:%M:%S| %H:%M:%S", " HH:MM:SS"),
    (r"T%H:%M| %H:%M", " HH:MM"),
)
#: Of wrong usage.
_WRONG = (
    (r"^No such option: (\S+)", r"a opção \1 não existe"),
    (r" \(Possible options: (.+)\)$", r"; parecidas: \1"),
    (r"^No such command (\S+)\. Did you mean (.+)\?$", r"o comando \1 não existe; parecidos: \2"),
    (r"^No such command (.+)\.$", r"o comando \1 não existe"),
    (r"^Missing command\.$", "falta o comando"),
    (r"^Missing argument (.+)\.$", r"falta \1"),
    (r"^Missing option (.+)\.$", r"falta a opção \1"),
    (r"^Option (\S+) requires an argument\.$", r"falta o valor de \1"),
    (r"^Option (\S+) does not take a value\.$", r"\1 não leva valor"),
    (r"^Got unexpected extra argument\(s\) \((.+)\)$", r"sobra na linha: \1"),
    (r"^Invalid value for (\S+): ", r"\1: "),
    (r"Value error, ", ""),
    (r"(.+) does not match the formats? .+", r"\1 não é uma data como 2026-12-31 ou 31/12/2026"),
    (r"(.+) is not one of (.+)\.$", r"\1 não é um destes: \2"),
    (r"(?:path|file) (.+) is not readable\.$", r"\1 não pode ser lido por este usuário"),
)


class _Formatter(HelpFormatter):
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, _said(args, _HELP), "Uso: " if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(_said(heading, _HELP))

    def write_dl(self, rows: Sequence[tuple[str, str]], *args: int, **more: int) -> None:
        super().write_dl([(_said(name, _HELP), _said(text, _HELP)) for name, text in rows], *args, **more)


@contextmanager
def spoken() -> Iterator[None]:
    """Have help and what is typed wrong told in Portuguese; wrong usage ends the program with its status."""
    for kind in (TyperCommand, TyperGroup):
        kind.context_class.formatter_class = _Formatter
    try:
        yield
    except UsageError as error:
        _show(error)
        sys.exit(error.exit_code)
    except Abort:  # the end of what was typed, where something was asked
        print("Interrompido.", file=sys.stderr)
        sys.exit(1)


def _show(error: UsageError) -> None:
    """Tell what is wrong with what was typed; a command alone is told its help."""
    if isinstance(error, NoArgsIsHelpError):
        error.show()
        return
    lines = [f"Erro: {_words(error)}."]
    if error.ctx is not None:
        help_option = f"{error.ctx.command_path} {error.ctx.help_option_names[0]}"
        lines[:0] = [error.ctx.get_usage(), f"Mais em: {help_option}", ""]
    print("\n".join(lines), file=sys.stderr)


def _words(error: UsageError) -> str:
    from pydantic import ValidationError

    from disparo.wrong_values import words_of

    said = error.format_message()
    if isinstance(error.__cause__, ValidationError):
        said = said.replace(error.message, words_of(error.__cause__))
    return _said(said, _WRONG)


def _said(text: str, phrases: Sequence[tuple[str, str]]) -> str:
    for pattern, words in phrases:
        text = re.sub(pattern, words, text)
    return text
