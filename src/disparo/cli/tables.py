"""Tables as the command line prints them: nothing in them is cut off."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table

_WIDE = 10_000
#: What the frame takes: a line and two blanks for each column, and the last line.
_FRAME = 3


def show_table(table: Table) -> None:
    """Fold what is too long for a terminal; where it is piped or kept in a file a row is one line.

    So it is on a terminal that is too narrow for that: the terminal itself breaks the line, where the library
    would cut columns that may not be folded, and leave others out.
    """
    console = Console()
    for column in table.columns:
        column.overflow = "fold"
    needed = sum(_needed(column) + _FRAME for column in table.columns) + 1
    folds = console.is_terminal and needed <= console.width
    (console if folds else Console(width=_WIDE)).print(table)


def _needed(column: Column) -> int:
    """Give the width without which something of it is lost, or no word of it can be read any more."""
    whole = column.cells if column.no_wrap else ()
    return max(cell_len(str(text)) for text in (column.header, *whole))
