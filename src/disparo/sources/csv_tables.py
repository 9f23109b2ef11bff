"""Tables in CSV files, as programs and people write them."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO

from disparo.sources.tables import LONGEST_FIELD, ROWS_ABOVE, NotReadable, says_something

_SEPARATORS = ";,\t"
#: So many letters of a file's beginning tell UTF-16.
_LETTERS = 4


class CsvTable:
    """A CSV file with `;`, `,` or tabs; in UTF-8 with or without BOM, UTF-16, else Windows-1252."""

    def __init__(self, raw: IO[bytes], head: bytes) -> None:
        self._raw = raw
        self.beside, self.unended, self.hidden = "", 0, 0
        self._state = _state_of(raw)
        self._encoding = _encoding(raw, head)
        self._is_ended = _is_ended(raw)
        lines = head.decode(self._encoding, "replace").splitlines(keepends=True)[:ROWS_ABOVE]
        self.separator = max(_SEPARATORS, key=lambda sign: _parted(lines, sign))

    def rows(self, *, keep: bool = False) -> Iterator[tuple[int, Sequence[str]]]:
        """Read from the beginning; raises NotReadable where the file breaks off."""
        del keep  # what it costs to read a line it would cost to keep it
        self._raw.seek(0)
        # A wrong byte spoils the field that has it, not the file; of UTF-16 it cannot be told so.
        wrong = "replace" if self._encoding.startswith("utf-16") else "surrogateescape"
        text = io.TextIOWrapper(self._raw, encoding=self._encoding, errors=wrong, newline="")
        csv.field_size_limit(LONGEST_FIELD)
        reader = csv.reader(text, delimiter=self.separator)
        number, last = 0, None
        try:
            for values in reader:
                line, number = number + 1, reader.line_num
                if says_something(values):
                    if last is not None:
                        yield last
                    last = line, values
            self._check_unchanged()
            if last is not None:
                self.unended = 0 if self._is_ended else last[0]
                yield last
        except csv.Error:
            raise NotReadable("O arquivo não é um CSV: há aspas sem par ou um campo enorme.") from None
        finally:
            with suppress(ValueError):  # the file was closed before all of it was read
                text.detach()

    def progress(self) -> tuple[int, int]:
        """Tell how far: bytes done and of how many."""
        return self._raw.tell(), self._state[0]

    def _check_unchanged(self) -> None:
        """Refuse a file that another program is still writing: its last line may be half of one."""
        if _state_of(self._raw) != self._state:
            raise NotReadable(
                "O arquivo mudou enquanto era lido: espere até que esteja completo, e importe de novo."
            )


def _state_of(raw: IO[bytes]) -> tuple[int, int]:
    """Give a file's size, and when it was last written."""
    found = os.fstat(raw.fileno())
    return found.st_size, found.st_mtime_ns


def _is_ended(raw: IO[bytes]) -> bool:
    """Tell whether a line break stands at the end, in UTF-16 too, or blanks."""
    raw.seek(-min(2, raw.seek(0, os.SEEK_END)), os.SEEK_CUR)
    end = raw.read(2).replace(b"\0", b"")
    raw.seek(0)
    return not end[-1:].strip()


def _parted(lines: Sequence[str], sign: str) -> tuple[int, int]:
    """Give how many lines on end a sign parts, and into how many fields at most.

    Addresses may have more commas than a row has fields; but the header, on which the rows follow, has none.
    """
    reader = csv.reader(lines, delimiter=sign)
    before = run = longest = widest = 0
    with suppress(csv.Error):
        for values in reader:
            if values:
                run = run + reader.line_num - before if len(values) > 1 else 0
                longest, widest = max(longest, run), max(widest, len(values))
            before = reader.line_num
    return longest, widest


def _utf_16_without_mark(head: bytes) -> str | None:
    """Tell UTF-16 by its first letters, a column's name: each has a byte of zeros on the same side."""
    first, second = head[: 2 * _LETTERS : 2], head[1 : 2 * _LETTERS : 2]
    if len(second) < _LETTERS:
        return None
    if all(first) and not any(second):
        return "utf-16-le"
    return "utf-16-be" if all(second) and not any(first) else None


def _encoding(raw: IO[bytes], head: bytes) -> str:
    """Tell UTF-8 from Windows-1252: by the whole file, read in pieces."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if (order := _utf_16_without_mark(head)) is not None:
        return order
    wrong = letters = 0
    check = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for piece in iter(lambda: raw.read(1_048_576), b""):
        if not (text := check.decode(piece)).isascii():
            right = text.encode("utf-8", "ignore").decode()
            wrong += len(text) - len(right)
            letters += len(right) - len(right.encode("ascii", "ignore"))
    raw.seek(0)
    # A byte cut off here and there leaves the other accents what they are; of Windows-1252 all are wrong.
    is_utf_8 = wrong < letters or not wrong or head.startswith(codecs.BOM_UTF8)
    return "utf-8-sig" if is_utf_8 else "cp1252"
