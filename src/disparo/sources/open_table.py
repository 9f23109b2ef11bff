"""Opens a file as a table, by its content, and tells people how to convert one that is none."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from disparo.errors import in_words
from disparo.sources.csv_tables import CsvTable
from disparo.sources.tables import NotReadable, Table
from disparo.sources.xlsx_tables import XlsxTable

_SNIFF_BYTES = 65_536
_MARKUP = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|body|meta|style|table|\?xml)\b", re.IGNORECASE
)

#: The part of an old container that holds a workbook with a password.
_LOCKED = "EncryptedPackage".encode("utf-16-le")


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """Open a file by what is in it, not by its name; raises NotReadable."""
    try:
        _check_kind(path)
        raw = path.open("rb")
    except OSError as error:
        raise NotReadable(f"O arquivo {path} não pode ser lido: {in_words(error)}.") from error
    with raw:
        head = raw.read(_SNIFF_BYTES)
        raw.seek(0)
        if not head.strip():
            raise NotReadable("O arquivo está vazio.")
        if head.startswith(b"PK\x03\x04"):
            with closing(XlsxTable(raw)) as table:
                yield table
        elif head.startswith(b"\xd0\xcf\x11\xe0"):
            if _LOCKED in raw.read():
                raise NotReadable("O arquivo tem senha: abra-o numa planilha e salve-o sem ela.")
            raise NotReadable("O arquivo é um .xls antigo: salve-o como .xlsx ou .csv.")
        elif head.startswith(b"%PDF-"):
            raise NotReadable("O arquivo é um PDF: exporte os dados como .xlsx ou .csv.")
        elif _MARKUP.match(head):
            raise NotReadable(
                "O arquivo é uma página HTML ou XML, como alguns sistemas exportam com .xls: abra-a num "
                "programa de planilhas e salve-a como .xlsx ou .csv."
            )
        else:
            yield CsvTable(raw, head)


def _check_kind(path: Path) -> None:
    """Refuse what never ends, and what nobody may ever write to, before it is opened."""
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        raise NotReadable("Os dados vêm de outro comando, e são lidos duas vezes: grave-os num arquivo.")
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise NotReadable(f"{path} é um dispositivo, e não um arquivo: indique o arquivo com os dados.")
