"""A question before what cannot be undone."""

from __future__ import annotations

import typer


def ask(question: str) -> None:
    """End the command, with nothing done, unless the answer is yes."""
    answer: str = typer.prompt(f"{question} [s/N]", default="n", show_default=False)
    if answer.strip().lower() not in ("s", "sim"):
        print("Nada foi alterado.")
        raise typer.Exit(1)
