"""Refuses workbooks that were made to fill the memory, or to be read without end."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Self

from openpyxl.reader.excel import ExcelReader
from openpyxl.workbook import Workbook
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

from disparo.sources.tables import NO_RESULT, NotReadable

#: Of what is read as a whole, all of it together: lists of sheets, styles. Sheets and texts come in pieces.
_MOST_WHOLE_BYTES = 32 << 20
#: ... and of its tags and attributes: while it is parsed no other thread of the process runs. As many
#: formats and styles as there may be, 65,000 of each, make three quarters of these.
_MOST_TAGS, _MOST_ATTRIBUTES = 600_000, 2_000_000
#: A tag, a comment, what stands between two tags. The parser begins each anew with every piece that is read:
#: one of 16 MB, which is 20 kB in the file, takes half a minute in which the process does little else.
_LONGEST_TOKEN = 1 << 20
#: How a part in UTF-16 begins, with its mark or at once. Its tags could not be counted; of the parts
#: that nobody reads here one is: what Power Query keeps of itself.
_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
#: What may have any sign in it, by how it begins.
_ENDS = {b"<!--": b"-->", b"<?": b"?>"}
_OPENS = re.compile(b"<!--|<[?]")
#: So many bytes of these may stand in the piece before.
_CUT = 3
#: What this process may grow by meanwhile.
_MOST_MEMORY_BYTES = 768 << 20
_TOO_LARGE = "A planilha é grande demais depois de descompactada."


def open_workbook(raw: IO[bytes], most_bytes: int) -> Workbook:
    """Open a workbook to be read row by row; raises NotReadable, also while its rows are read."""
    reader = ExcelReader(raw, read_only=True, data_only=True, keep_links=False)
    reader.archive = _Archive(raw, most_bytes)
    reader.read()
    return reader.wb


def read_cells(
    sheet: Any, *, most_columns: int, most_rows: int
) -> Iterator[tuple[int, Sequence[object], bool]]:
    """Give each row's number, from 1, the values of its cells, `most_columns` of them, and if it is hidden.

    As the library's own `iter_rows` does, whose parser takes a formula without a result for an empty cell.
    """
    book, last = sheet.parent, 0
    with sheet._get_source() as source:  # noqa: SLF001 - it has no other way to a parser of one's own
        parser = _Parser(
            source,
            sheet._shared_strings,  # noqa: SLF001 - nor to what one is made of
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,  # noqa: SLF001 - as above
            timedelta_formats=book._timedelta_formats,  # noqa: SLF001 - as above
        )
        for number, row in parser.parse():
            if number > most_rows:
                break
            if number > last:
                last = number
                values = sheet._get_row(row, 1, most_columns, values_only=True)  # noqa: SLF001 - as iter_rows
                yield number, values, parser.is_hidden


class _Parser(WorkSheetParser):
    """Reads the cells of a sheet; `is_hidden`: the row that was read last, by a filter for instance."""

    is_hidden = False

    def parse_row(self, row: Any) -> Any:
        """Read a row."""
        self.is_hidden = row.get("hidden") in ("1", "true")
        return super().parse_row(row)

    def parse_cell(self, element: Any) -> dict[str, Any]:
        """Read a cell; a formula's result that is an empty text says that it is one."""
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.get("t") != "str" and element.find(FORMULA_TAG) is not None:
            cell["value"] = NO_RESULT
        return cell


class _Archive(zipfile.ZipFile):
    """A zip file that counts the bytes read from it."""

    def __init__(self, raw: IO[bytes], most_bytes: int) -> None:
        super().__init__(raw)
        self._most_bytes = most_bytes
        self._whole = self._read = self._tags = self._attributes = 0
        self._memory = _memory_bytes()

    def open(self, name: Any, *args: Any, **more: Any) -> Any:
        """Open a member."""
        return _Watched(super().open(name, *args, **more), self)

    def take(self, found: bytes, *, whole: bool) -> None:
        """Count what was read; raises NotReadable where it is too much."""
        self._read += len(found)
        if whole:
            self._whole += len(found)
            self._tags += found.count(b"<")
            self._attributes += found.count(b"=")
        if self._whole > _MOST_WHOLE_BYTES or self._read > self._most_bytes:
            raise NotReadable(_TOO_LARGE)
        if self._tags > _MOST_TAGS or self._attributes > _MOST_ATTRIBUTES:
            raise NotReadable(_TOO_LARGE)
        if _memory_bytes() - self._memory > _MOST_MEMORY_BYTES:
            raise NotReadable(_TOO_LARGE)


class _Watched:
    """A member of the archive, counted while it is read."""

    def __init__(self, file: IO[bytes], archive: _Archive) -> None:
        self._file = file
        self._archive = archive
        self._tokens = _Tokens()
        self._is_begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        self.close()

    def read(self, size: int = -1) -> bytes:
        """Read a piece, or the whole."""
        whole = size < 0
        found = self._file.read(_MOST_WHOLE_BYTES + 1 if whole else size)
        self._archive.take(found, whole=whole)
        if not self._is_begun and found.startswith(_UTF_16):
            raise NotReadable("A planilha traz declarações que uma planilha não tem.")
        self._is_begun = True
        if not whole and self._tokens.is_too_long(found):
            raise NotReadable(_TOO_LARGE)
        return found

    def close(self) -> None:
        """Close the member."""
        self._file.close()


class _Tokens:
    """Measures what a parser has to hold until it ends, of a part in UTF-8 that is read in pieces."""

    def __init__(self) -> None:
        self._end = self._cut = b""
        self._length = 0

    def is_too_long(self, piece: bytes) -> bool:
        """Tell whether something is still open that began too long ago."""
        text, at, began = self._cut + piece, 0, None
        while True:
            if self._end:
                found = text.find(self._end, at)
                if found < 0:
                    break
                at = began = found + len(self._end)
                self._end = b""
            opens = _OPENS.search(text, at)
            if opens is None:
                last = text.rfind(b"<", at)
                began = last if last >= 0 else began
                break
            at, began = opens.end(), opens.start()
            self._end = _ENDS[opens[0]]
        self._length = self._length + len(piece) if began is None else len(text) - began
        self._cut = text[max(at, len(text) - _CUT) :]  # what ended an opening ends nothing else
        return self._length > _LONGEST_TOKEN


def _memory_bytes() -> int:
    resident = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(resident) * os.sysconf("SC_PAGE_SIZE")
