"""Asking the person at the terminal: before what cannot be undone, and for what nobody should see."""

from __future__ import annotations

import os
import sys

import typer


def ask(question: str) -> None:
    """End the command, with nothing done, unless the answer is yes."""
    answer: str = typer.prompt(f"{question} [s/N]", default="n", show_default=False)
    if answer.strip().lower() not in ("s", "sim"):
        print("Nada foi alterado.")
        raise typer.Exit(1)


def has_terminal() -> bool:
    """Tell whether a person can be asked for what nobody should see."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin is not None and sys.stdin.isatty()
    return True
