"""Tables in XLSX files: the first visible sheet, each cell as it would stand in a CSV."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from typing import IO
from xml.parsers.expat import ExpatError, ParserCreate

from disparo.domain.money import write_number
from disparo.errors import OF_THE_MACHINE
from disparo.sources.kept_rows import KeptRows
from disparo.sources.tables import LONGEST_FIELD, ROWS_ABOVE, NotReadable, says_something

#: What a file may unfold to: texts that a workbook shares are all held in memory, sheets are not.
MOST_UNFOLDED_BYTES = 2 << 30
MOST_SHARED_BYTES = 256 << 20
_MOST_MEMBERS = 2000
_NAMED = 5
_MOST_COLUMNS = 300
_MOST_ROWS = 1_048_576  # of any program's sheet
_LONGEST_PROLOG, _PIECE = 1_048_576, 65_536
#: Of more than fifteen digits a spreadsheet keeps the first.
_KEPT_DIGITS = 15


def load() -> None:
    """Load now what reads workbooks: whoever runs for months finds another version's in its place later."""
    from disparo.sources import workbooks  # noqa: F401 - loaded for those who need it later


@dataclass
class XlsxTable:
    """The first visible sheet of an XLSX file."""

    raw: IO[bytes]
    separator: str = ";"
    beside: str = ""
    unended: int = 0
    hidden: int = 0
    _done: int = 0
    _kept: KeptRows = field(default_factory=KeptRows)

    def rows(self, *, keep: bool = False) -> Iterator[tuple[int, Sequence[str]]]:
        """Read from the beginning; raises NotReadable where the file breaks off."""
        if self._kept.is_whole:
            for number, values in self._kept:
                self._done = number
                yield number, values
            return
        read = self._read()
        yield from self._kept.keeping(read) if keep else read

    def close(self) -> None:
        """Forget what was kept."""
        self._kept.close()

    def _read(self) -> Iterator[tuple[int, list[str]]]:
        # Half a second: only for those who need it.
        from disparo.sources.workbooks import open_workbook, read_cells

        try:
            _check_archive(self.raw)
            book = open_workbook(self.raw, most_bytes=2 * MOST_UNFOLDED_BYTES)
            try:
                shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
                sheet, *others = shown or book.worksheets[:1]
                # Files lie about their size, and about the numbers of their rows.
                cells_of = partial(read_cells, most_columns=_MOST_COLUMNS, most_rows=_MOST_ROWS)
                filled = [other.title for other in others if _says_something(cells_of(other))]
                self.beside, self.hidden = _beside(sheet.title, filled), 0
                cells = cells_of(sheet)
                yield from self._as_wide_as_filled(cells)
            finally:
                book.close()
        except NotReadable:
            raise
        except MemoryError:
            raise NotReadable("Falta memória para ler a planilha: divida-a, ou salve-a como CSV.") from None
        except Exception as error:  # whatever a broken file makes of it
            if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
                raise  # the disk is full, say: the file is as good as before
            raise NotReadable(
                f"O arquivo não é uma planilha .xlsx que possa ser lida ({type(error).__name__})."
            ) from error

    def _as_wide_as_filled(
        self, cells: Iterable[tuple[int, Sequence[object], bool]]
    ) -> Iterator[tuple[int, list[str]]]:
        """Leave out the columns past the last that the first rows fill: all rows come as wide."""
        rows = self._filled(cells)
        first = list(itertools.islice(rows, ROWS_ABOVE))
        width = max((place for _, texts in first for place, text in enumerate(texts, 1) if text), default=0)
        for number, texts in itertools.chain(first, rows):
            yield number, texts[:width]

    def _filled(self, cells: Iterable[tuple[int, Sequence[object], bool]]) -> Iterator[tuple[int, list[str]]]:
        for number, values, is_hidden in cells:
            self._done = number
            if values.count(None) == len(values):
                continue
            texts = [_text(value) for value in values]
            if says_something(texts):
                self.hidden += is_hidden
                yield number, texts

    def progress(self) -> tuple[int, int]:
        """Tell how far: rows done, of nobody knows how many."""
        return self._done, 0


def _says_something(cells: Iterable[tuple[int, Sequence[object], bool]]) -> bool:
    """Tell a sheet that has a table from the empty ones that programs put into a new workbook."""
    first = itertools.islice(cells, ROWS_ABOVE)
    return any(values.count(None) < len(values) for _, values, _ in first)


def _beside(title: str, others: Sequence[str]) -> str:
    """Say which sheet is read, where there are others."""
    if not others:
        return ""
    named = ", ".join(f'"{name}"' for name in others[:_NAMED]) + (" e outras" if len(others) > _NAMED else "")
    return (
        f' Foi lida só a planilha "{title}", a primeira; há também {named}: ponha a certa em primeiro lugar.'
    )


def _check_archive(raw: IO[bytes]) -> None:
    """Refuse what would unfold beyond all measure, and XML that declares entities; raises NotReadable.

    zipfile reads no more of a member than its declared size, so that the declared sizes can be trusted.
    """
    try:
        with zipfile.ZipFile(raw) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if "mimetype" in names:
                raise NotReadable("O arquivo é um .ods: salve-o como .xlsx ou .csv.")
            if "[Content_Types].xml" not in names:
                raise NotReadable("O arquivo é um .zip: descompacte-o, e escolha o arquivo que está dentro.")
            if len(members) > _MOST_MEMBERS or sum(m.file_size for m in members) > MOST_UNFOLDED_BYTES:
                raise NotReadable("A planilha é grande demais depois de descompactada.")
            for member in members:
                if member.filename.endswith("sharedStrings.xml") and member.file_size > MOST_SHARED_BYTES:
                    raise NotReadable("A planilha tem textos demais: exporte-a como .csv.")
                _check_prolog(archive, member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise NotReadable(f"O arquivo não é uma planilha .xlsx ({type(error).__name__}).") from error


def _check_prolog(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Refuse a part with a document type, in which alone entities can be declared.

    The parser that reads the workbook later looks for it, whatever the part is called: a search for words
    is led astray by a comment that looks like an element.
    """
    prolog = _Prolog()
    with archive.open(member) as file:
        for _ in range(_LONGEST_PROLOG // _PIECE):
            piece = file.read(_PIECE)
            if not piece or prolog.ends_in(piece):
                break
        else:
            prolog.is_refused = True  # or may have, further on than anything of a workbook's
    if prolog.is_refused:
        raise NotReadable("A planilha traz declarações que uma planilha não tem.")


class _Prolog:
    """What stands before the first element of a part."""

    def __init__(self) -> None:
        self.is_refused = False
        self._parser = ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._declares
        self._parser.StartElementHandler = self._begins

    def ends_in(self, piece: bytes) -> bool:
        """Read on; tells whether it is over: with the first element, or because this is no XML."""
        try:
            self._parser.Parse(piece)
        except (ExpatError, _Over):
            return True
        return False

    def _declares(self, *_what: object) -> None:
        self.is_refused = True
        raise _Over

    def _begins(self, *_what: object) -> None:
        raise _Over


class _Over(Exception):
    """Enough is known of a prolog."""


def _text(value: object) -> str:
    """Write a cell as the same thing would stand in a CSV."""
    match value:
        case None:
            found = ""
        case bool():
            found = "sim" if value else "nao"
        case float() if abs(value) >= 10**_KEPT_DIGITS:
            found = _cut_short(value)
        case int() if abs(value) >= 10**_KEPT_DIGITS and not str(abs(value))[_KEPT_DIGITS:].strip("0"):
            found = _cut_short(value)
        case float():  # with a comma: `1.234` would be a thousand and some
            found = write_number(value)
        case datetime():
            found = value.isoformat(sep=" ", timespec="seconds")
        case date() | time():
            found = value.isoformat()
        case _:
            found = str(value)[: LONGEST_FIELD + 1]
    return found


def _cut_short(value: float) -> str:
    """Write a number that has lost digits as a CSV has it: ids that differ in those would be one."""
    return f"{Decimal(value):.14E}".replace(".", ",")
