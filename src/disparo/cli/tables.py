"""Tables as the command line prints them: nothing in them is cut off."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table

from disparo.wording.plain import on_line

_WIDE = 10_000
#: What the frame takes: a line and two blanks for each column, and the last line.
_FRAME = 3


def show_table(table: Table) -> None:
    """Fold what is too long for a terminal; where it is piped or kept in a file a row is one line.

    So it is on a terminal that is too narrow for that: the terminal itself breaks the line, where the library
    would cut columns that may not be folded, and leave others out.
    """
    # Brackets and colons are somebody's words, no markup of the library's; nor does a terminal obey them.
    console = Console(markup=False, emoji=False)
    for column in table.columns:
        column.overflow = "fold"
        column._cells = [on_line(str(cell)) for cell in column.cells]  # noqa: SLF001 - it has no other way
    needed = sum(_needed(column) + _FRAME for column in table.columns) + 1
    folds = console.is_terminal and needed <= console.width
    (console if folds else Console(width=_WIDE, markup=False, emoji=False)).print(table)


def _needed(column: Column) -> int:
    """Give the width without which something of it is lost, or no word of it can be read any more."""
    whole = column.cells if column.no_wrap else ()
    return max(cell_len(str(text)) for text in (column.header, *whole))
