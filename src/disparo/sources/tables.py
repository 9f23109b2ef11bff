"""Tables in files, CSV or XLSX, read row by row as text: what people export, in memory that stays flat."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Protocol

from disparo.errors import DisparoError, in_words

_SNIFF_BYTES = 65_536
#: Among so many first rows is the header.
ROWS_ABOVE = 20
_LONGEST_FIELD = 10_000
_SEPARATORS = ";,\t"
#: What a file may unfold to: texts that a workbook shares are all held in memory, sheets are not.
MOST_UNFOLDED_BYTES = 2 << 30
MOST_SHARED_BYTES = 256 << 20
_MOST_MEMBERS = 2000
_MOST_COLUMNS = 300
_MOST_ROWS = 1_048_576  # of any program's sheet
_LONGEST_PROLOG = 1_048_576
_MARKUP = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|meta|style|table|\?xml)\b", re.IGNORECASE
)
_ELEMENT = re.compile(rb"<[A-Za-z_]")
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class NotReadable(DisparoError):
    """The file as a whole cannot be imported; nothing of it was stored."""


class Table(Protocol):
    """A file being read. `rows` gives each row's number in the file, from 1, and its fields."""

    separator: str

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """Read on; raises NotReadable where the file breaks off."""
        ...

    def progress(self) -> tuple[int, int]:
        """Tell how far: done and of how many, in the file's own measure; 0 where nobody knows."""
        ...


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """Open a file by what is in it, not by its name; raises NotReadable."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise NotReadable(f"O arquivo {path} não pode ser lido: {in_words(error)}.") from error
    with raw:
        if not raw.seekable():
            raise NotReadable("Os dados vêm de outro comando, e são lidos duas vezes: grave-os num arquivo.")
        head = raw.read(_SNIFF_BYTES)
        raw.seek(0)
        if not head.strip():
            raise NotReadable("O arquivo está vazio.")
        if head.startswith(b"PK\x03\x04"):
            yield _Workbook(raw)
        elif head.startswith(b"\xd0\xcf\x11\xe0"):
            raise NotReadable("O arquivo é um .xls antigo: salve-o como .xlsx ou .csv.")
        elif head.startswith(b"%PDF-"):
            raise NotReadable("O arquivo é um PDF: exporte os dados como .xlsx ou .csv.")
        elif _MARKUP.match(head):
            raise NotReadable(
                "O arquivo é uma página HTML ou XML, como alguns sistemas exportam com .xls: abra-a num "
                "programa de planilhas e salve-a como .xlsx ou .csv."
            )
        else:
            yield _Csv(raw, head, path.stat().st_size)


class _Csv:
    """`;`, `,` or tab; UTF-8 with or without BOM, UTF-16, else Windows-1252."""

    def __init__(self, raw: IO[bytes], head: bytes, size: int) -> None:
        self._raw = raw
        self._size = size
        self._encoding = _encoding(raw, head)
        lines = head.decode(self._encoding, "replace").splitlines(keepends=True)[:ROWS_ABOVE]
        self.separator = max(_SEPARATORS, key=lambda sign: _parted(lines, sign))

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        # A wrong byte spoils the field that has it, not the file; of UTF-16 it cannot be told so.
        wrong = "replace" if self._encoding == "utf-16" else "surrogateescape"
        text = io.TextIOWrapper(self._raw, encoding=self._encoding, errors=wrong, newline="")
        csv.field_size_limit(_LONGEST_FIELD)
        reader = csv.reader(text, delimiter=self.separator)
        number = 0
        try:
            for values in reader:
                line, number = number + 1, reader.line_num
                if _says_something(values):
                    yield line, values
        except csv.Error:
            raise NotReadable("O arquivo não é um CSV: há aspas sem par ou um campo enorme.") from None
        finally:
            with suppress(ValueError):  # the file was closed before all of it was read
                text.detach()

    def progress(self) -> tuple[int, int]:
        return self._raw.tell(), self._size


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


def _encoding(raw: IO[bytes], head: bytes) -> str:
    """Tell UTF-8 from Windows-1252: by the whole file, read in pieces."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
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


@dataclass
class _Workbook:
    """The first sheet."""

    raw: IO[bytes]
    separator: str = ";"
    _done: int = 0

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        _check_archive(self.raw)
        from disparo.sources.workbooks import open_workbook  # half a second: only for those who need it

        try:
            book = open_workbook(self.raw)
            try:
                sheet = book.worksheets[0]
                sheet.reset_dimensions()  # files lie about their size, and about the numbers of their rows
                cells = sheet.iter_rows(values_only=True, max_col=_MOST_COLUMNS, max_row=_MOST_ROWS)
                yield from self._as_wide_as_filled(cells)
            finally:
                book.close()
        except NotReadable:
            raise
        except Exception as error:  # whatever a broken file makes of it
            raise NotReadable(
                f"O arquivo não é uma planilha .xlsx que possa ser lida ({type(error).__name__})."
            ) from error

    def _as_wide_as_filled(self, cells: Iterable[Sequence[object]]) -> Iterator[tuple[int, Sequence[str]]]:
        """Leave out the columns past the last that the first rows fill: all rows come as wide."""
        rows = self._filled(cells)
        first = list(itertools.islice(rows, ROWS_ABOVE))
        width = max((place for _, texts in first for place, text in enumerate(texts, 1) if text), default=0)
        for number, texts in itertools.chain(first, rows):
            yield number, texts[:width]

    def _filled(self, cells: Iterable[Sequence[object]]) -> Iterator[tuple[int, list[str]]]:
        for number, values in enumerate(cells, 1):
            self._done = number
            if values.count(None) == len(values):  # a million of them may stand before the next row
                continue
            texts = [_text(value) for value in values]
            if _says_something(texts):
                yield number, texts

    def progress(self) -> tuple[int, int]:
        return self._done, 0


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
                if member.filename.endswith((".xml", ".rels")):
                    _check_prolog(archive, member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise NotReadable(f"O arquivo não é uma planilha .xlsx ({type(error).__name__}).") from error


def _check_prolog(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """A declaration can only stand before the first element, which is looked for in the first megabyte."""
    with archive.open(member) as file:
        head = file.read(4096)
        while not _ELEMENT.search(head) and len(head) < _LONGEST_PROLOG and (more := file.read(65_536)):
            head += more
    first = _ELEMENT.search(head)
    before = head[: first.start()] if first else head
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in before or _DECLARATION.search(before):
        raise NotReadable("A planilha traz declarações que uma planilha não tem.")


def _says_something(values: Sequence[str]) -> bool:
    """Tell a row from an empty one: spreadsheets export `;;;;` for rows that only have borders."""
    return any(value and not value.isspace() for value in values)


def _text(value: object) -> str:
    """Write a cell as the same thing would stand in a CSV."""
    match value:
        case None:
            found = ""
        case bool():
            found = "sim" if value else "nao"
        case float() if value.is_integer():
            found = f"{value:.0f}"
        case float():  # with a comma: `1.234` would be a thousand and some
            found = f"{value:.10f}".rstrip("0").replace(".", ",")
        case datetime():
            found = value.isoformat(sep=" ", timespec="seconds")
        case date() | time():
            found = value.isoformat()
        case _:
            found = str(value)[: _LONGEST_FIELD + 1]
    return found
