"""Tables as the command line prints them: nothing in them is cut off."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

_WIDE = 10_000


def show_table(table: Table) -> None:
    """Fold what is too long for a terminal; where it is piped or kept in a file a row is one line."""
    console = Console()
    for column in table.columns:
        column.overflow = "fold"
    (console if console.is_terminal else Console(width=_WIDE)).print(table)
