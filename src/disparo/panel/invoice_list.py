"""Invoice numbers as people give them for a new dispatch: pasted, or in a CSV."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from disparo.panel import fields
from disparo.panel.fields import Wrong
from disparo.sources.column_names import FIELDS
from disparo.sources.columns import plain
from disparo.sources.csv_fields import without_text_mark
from disparo.sources.tables import ROWS_ABOVE

#: What a column of invoice numbers is called, as `plain` writes it and without `da`; the surest names first.
_COLUMNS = (
    "id_fatura", "fatura_id", "idfatura", "fatura", "faturas", "numero_fatura", "num_fatura", "nr_fatura",
    "no_fatura", "n_fatura", "id_titulo", "titulo", "id", "numero",
)  # fmt: skip
#: Of these one names its line for certain.
_NAMES = frozenset(_COLUMNS)
#: These may be the number of a customer, with whom that invoice has nothing to do: a list of them has ...
_BARE = ("id", "numero")
_OF_A_CUSTOMER = frozenset(
    name
    for field in ("cpf_cnpj", "telefone_1", "telefone_2", "telefone_3", "email_principal", "endereco")
    for name in (field, *FIELDS["clientes"][field])
)
#: ... such a column, and none of these.
_OF_AN_INVOICE = frozenset(
    name
    for field in ("id_cliente", "valor", "vencimento")
    for name in (field, *FIELDS["faturas"][f"{field}*"])
)
#: Beside one of these a bare number is that of a house.
_OF_A_HOUSE = frozenset({"endereco", "logradouro", "rua", "bairro", "cep", "complemento"})
#: The first line that spreadsheets read, and do not show.
_SEPARATOR = re.compile(r"sep=([;,\t|])\s*", re.IGNORECASE)
#: How .xlsx and .ods begin, and .xls.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UNNAMED = (
    "O arquivo tem várias colunas, e nenhuma com um nome que diga que é a das faturas. Chame-a de id_fatura; "
    "também servem fatura, nº da fatura, número da fatura, id da fatura, título ou id. Se o arquivo tiver só "
    "a coluna das faturas, ela não precisa de nome."
)
_OF_CUSTOMERS = (
    "O arquivo parece ser de clientes: a coluna {} pode ser o número do cliente, e sairia a fatura de outro. "
    "Se é o da fatura, chame-a de id_fatura."
)


#: With a point between thousands, as our own pages and spreadsheets write it.
_DOTTED = re.compile(r"[0-9]{1,3}(\.[0-9]{3})+")


def read_pasted(text: str) -> list[int]:
    """Read invoice numbers as people paste them; raises Wrong naming the first that is none."""
    found: dict[int, None] = {}
    for word in re.split(r"[\s,;]+", fields.seen(text)):
        if not word:
            continue
        number = read_number(word.removeprefix("#"))
        if number is None:
            raise Wrong(f"“{word[:30]}” não é um número de fatura. Deixe só os números, um por linha.")
        found[number] = None
    return list(found)


def read_csv(raw: bytes) -> list[int]:
    """Read invoice numbers from the column called so, or the only one; raises Wrong, with the line if any."""
    if raw.startswith(_WORKBOOKS):
        raise Wrong(
            "O arquivo é uma planilha (.xlsx, .xls ou .ods): abra-a, salve-a como CSV e escolha o CSV."
        )
    encoding = "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    try:
        found = _numbers(*_table(fields.seen(text)))
    except csv.Error:
        raise Wrong("O arquivo não é um CSV: salve a planilha como CSV e escolha-o de novo.") from None
    if not found:  # never all that is due in the days beside it
        raise Wrong("O arquivo não traz nenhum número de fatura.")
    return list(found)


def _numbers(lines: Iterator[list[str]], begins: int) -> dict[int, None]:
    found: dict[int, None] = {}
    column = 0
    for place, line in enumerate(islice(lines, begins, None), begins + 1):
        if place == begins + 1:
            column = _column(line)
        cell = without_text_mark(line[column].strip()) if len(line) > column else ""
        if not cell:
            continue
        number = read_number(cell)
        if number is not None:
            found[number] = None
        elif place > begins + 1 or not any(map(str.isalpha, cell)):  # else a column's name
            raise Wrong(f"Linha {place} do arquivo: “{cell[:30]}” não é um número de fatura.")
    return found


def _table(text: str) -> tuple[Iterator[list[str]], int]:
    """Give a file's lines in cells, and which of them, from 0, names the columns or is the first.

    Reports have a title above, and the period, or who asked for them. Raises csv.Error.
    """
    first = text.removeprefix("\ufeff").split("\n", 1)[0]
    named = _SEPARATOR.fullmatch(first)
    begins = 1 if named else 0
    signs = named[1] if named else sorted(";,\t", key=first.count, reverse=True)
    # Lines end as the file's program ends them, "CSV (Macintosh)" included.
    read = partial(csv.reader, io.StringIO(text.replace("\0", ""), newline=None).readlines())
    tops = {sign: _says(list(islice(read(delimiter=sign), begins + ROWS_ABOVE))[begins:]) for sign in signs}
    for sign, rows in tops.items():
        place = _named(rows)
        if place is not None:
            return read(delimiter=sign), begins + place
    sign = max(tops, key=lambda sign: max(map(len, tops[sign]), default=0))
    rows = tops[sign]
    if rows and len(rows[0]) == 1 and not _has_number(rows[0]):
        begins += next((place for place, cells in enumerate(rows) if len(cells) > 1), 0)
    return read(delimiter=sign), begins


def _named(rows: Sequence[Sequence[str]]) -> int | None:
    """Tell which row names the column of the invoices: above it rows have fewer cells, or are titles."""
    for place, cells in enumerate(rows):
        if _has_number(cells) or not _NAMES.intersection(map(_plain, cells)):
            continue
        above = rows[:place]
        if all(len(row) < len(cells) or (len(row) == 1 and not _has_number(row)) for row in above):
            return place
    return None


def _says(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[cell.strip() for cell in line if cell.strip()] for line in lines]


def _has_number(cells: Sequence[str]) -> bool:
    return any(read_number(cell) is not None for cell in cells)


def read_number(written: str) -> int | None:
    """Read one invoice number: `70.215` too; None where it is none."""
    return fields.id_of(written.replace(".", "") if _DOTTED.fullmatch(written) else written)


def _column(first: Sequence[str]) -> int:
    """Tell by a file's first line which column has the invoices; raises Wrong where several could."""
    names = [_plain(cell) for cell in first]
    for name in _COLUMNS:
        if name in names and not (name == "numero" and _OF_A_HOUSE.intersection(names)):
            place = names.index(name)
            if (
                name in _BARE
                and _OF_A_CUSTOMER.intersection(names)
                and not _OF_AN_INVOICE.intersection(names)
            ):
                raise Wrong(_OF_CUSTOMERS.format(first[place].strip()))
            return place
    numbers = [place for place, cell in enumerate(first) if fields.id_of(cell.strip()) is not None]
    if sum(map(bool, names)) > 1 and numbers != [0]:
        raise Wrong(_UNNAMED)
    return 0


def _plain(cell: str) -> str:
    return re.sub(r"_d[ao]s?_", "_", plain(cell))
