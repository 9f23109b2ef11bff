"""The shape of a table in a file: rows of text, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from disparo.errors import DisparoError

#: Among so many first rows is the header.
ROWS_ABOVE = 20
LONGEST_FIELD = 10_000
#: A person looks each of them over, and a page of thousands keeps its server from all others for seconds.
_MOST_COLUMNS = 500
#: What stands for a formula that no spreadsheet has computed yet: it is no empty cell.
NO_RESULT = "#SEM RESULTADO"


class NotReadable(DisparoError):
    """The file as a whole cannot be imported; nothing of it was stored."""


class Table(Protocol):
    """A file being read. `rows` gives each row's number in the file, from 1, and its fields.

    `beside`: a sentence, with a blank before it, on what the file has and is not read; known while it is.
    `hidden`: how many of the rows given are shown to nobody who opens the file in a spreadsheet.
    `unended`: the last row's number where nothing ends it, 0 elsewhere; known when that row is given.
    """

    separator: str
    beside: str
    unended: int
    hidden: int

    def rows(self, *, keep: bool = False) -> Iterator[tuple[int, Sequence[str]]]:
        """Read from the beginning, each time anew; raises NotReadable where the file breaks off.

        `keep`: they will all be read a second time.
        """
        ...

    def progress(self) -> tuple[int, int]:
        """Tell how far: done and of how many, in the file's own measure; 0 where nobody knows."""
        ...


def says_something(values: Sequence[str]) -> bool:
    """Tell a row from an empty one: spreadsheets export `;;;;` for rows that only have borders."""
    return any(value and not value.isspace() for value in values)


def refuse_too_wide(line: int, values: Sequence[str]) -> None:
    """Raise NotReadable where a row has more columns than a table that people made for this."""
    if len(values) > _MOST_COLUMNS:
        raise NotReadable(
            f"A linha {line} tem {len(values)} colunas, e são lidas no máximo {_MOST_COLUMNS}. Abra o "
            "arquivo na planilha, apague as colunas que sobram à direita (mesmo vazias) e salve-o de novo."
        )
