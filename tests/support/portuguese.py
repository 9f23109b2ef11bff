"""What argparse says, in Portuguese, as all that `./dev` says is."""

from __future__ import annotations

import argparse

_WORDS = {
    "usage: ": "uso: ",
    "options": "opções",
    "positional arguments": "argumentos",
    "show this help message and exit": "mostra esta ajuda e termina",
    "%(prog)s: error: %(message)s\n": "%(prog)s: erro: %(message)s\n",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s: %(message)s",
    "unrecognized arguments: %s": "sobra na linha: %s",
    "expected one argument": "falta o valor",
    "ignored explicit argument %r": "não leva o valor %r",
    "invalid %(type)s value: %(value)r": "%(value)r não serve",
    "invalid choice: %(value)r (choose from %(choices)s)": "%(value)r não é um destes: %(choices)s",
    "the following arguments are required: %s": "falta: %s",
}


def speak() -> None:
    """Have every parser of this process speak it."""
    argparse._ = lambda text: _WORDS.get(text, text)  # type: ignore[attr-defined]  # what it asks for each text
