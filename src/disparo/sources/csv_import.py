"""Customers, contacts and invoices from CSV files: streamed, upserted by id, bad lines told apart."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from disparo.db.customers import (
    ContactRow,
    CustomerRow,
    InvoiceRow,
    upsert_contacts,
    upsert_customers,
    upsert_invoices,
)
from disparo.db.pool import Connection
from disparo.errors import DisparoError
from disparo.sources.csv_fields import (
    BadField,
    read_amount,
    read_date,
    read_flag,
    read_id,
    read_linha_digitavel,
    read_link,
    read_status,
    read_text,
    read_uf,
)

_BATCH = 1000
_SNIFF_BYTES = 65_536
_LONGEST_FIELD = 10_000
_PHONE = 60


class _Row(Protocol):
    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=_Row)
Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that was not stored; `number` counts from 1, the header included."""

    number: int
    reason: str


@dataclass(slots=True)
class Report:
    """What became of a file."""

    stored: int = 0
    bad: list[BadLine] = field(default_factory=list)


class NotReadable(DisparoError):
    """The file as a whole cannot be imported; nothing of it was stored."""


#: Columns by kind; those with * must be there.
COLUMNS: Mapping[str, Sequence[str]] = {
    "clientes": (
        "id_cliente*", "nome*", "uf", "telefone_1", "permite_sms_1", "telefone_2", "permite_sms_2",
        "telefone_3", "permite_sms_3",
    ),
    "contatos": ("id_contato*", "id_cliente*", "nome", "telefone*", "permite_sms"),
    "faturas": (
        "id_fatura*", "id_cliente*", "valor*", "vencimento*", "situacao", "pago_em", "link",
        "linha_digitavel", "pix",
    ),
}  # fmt: skip


async def import_file(
    connection: Connection, kind: str, path: Path, *, progress: Callable[[int], None]
) -> Report:
    """Store the good lines of a file, a thousand to a transaction; `progress` is told bytes read.

    Raises NotReadable where the file is none that could be imported.
    """
    if kind == "clientes":
        return await _import(connection, kind, path, _customer, _store_customers, progress=progress)
    if kind == "contatos":
        return await _import(connection, kind, path, _contact, upsert_contacts, progress=progress)
    return await _import(connection, kind, path, _invoice, upsert_invoices, progress=progress)


async def _import(
    connection: Connection,
    kind: str,
    path: Path,
    read: Callable[[Fields], R],
    store: Callable[[Connection, Sequence[R]], Awaitable[set[int]]],
    *,
    progress: Callable[[int], None],
) -> Report:
    report = Report()
    batch: dict[int, tuple[int, R]] = {}

    async def flush() -> None:
        async with connection.transaction():
            missing = await store(connection, [row for _, row in batch.values()])
        report.stored += len(batch) - len(missing)
        report.bad += [
            BadLine(number, "id_cliente não existe: importe os clientes antes")
            for number, row in batch.values()
            if row.id in missing
        ]
        batch.clear()

    with _open(path) as raw:
        for number, fields in _lines(raw, kind):
            try:
                row = read(fields)
            except BadField as bad:
                report.bad.append(BadLine(number, str(bad)))
                continue
            batch.pop(row.id, None)  # of an id that comes twice the last line counts
            batch[row.id] = (number, row)
            if len(batch) >= _BATCH:
                await flush()
                progress(raw.tell())
        await flush()
        progress(raw.tell())
    report.bad.sort(key=lambda line: line.number)
    return report


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise NotReadable(f"O arquivo {path} não pode ser lido: {error.strerror}.") from error


def _lines(raw: BinaryIO, kind: str) -> Iterator[tuple[int, Fields]]:
    head = raw.read(_SNIFF_BYTES)
    raw.seek(0)
    if not head.strip():
        raise NotReadable("O arquivo está vazio.")
    text = io.TextIOWrapper(raw, encoding=_encoding(raw, head), errors="replace", newline="")
    first = head.split(b"\n", 1)[0]
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(text, delimiter=";" if first.count(b";") >= first.count(b",") else ",")
    try:
        header = [name.strip().lower() for name in next(reader)]
        _check_header(header, kind)
        number = reader.line_num
        while True:
            try:
                values = next(reader)
            except StopIteration:
                break
            number, line = reader.line_num, number + 1
            if values:
                yield line, _fields(header, values)
    except csv.Error:
        raise NotReadable("O arquivo não é um CSV: há aspas sem par ou um campo enorme.") from None
    finally:
        text.detach()


def _encoding(raw: BinaryIO, head: bytes) -> str:
    """Tell UTF-8 from Windows-1252: by the whole file, read in pieces."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    check = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := raw.read(1_048_576):
            check.decode(piece)
        check.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        raw.seek(0)
    return "utf-8-sig"


def _check_header(header: Sequence[str], kind: str) -> None:
    known = [name.rstrip("*") for name in COLUMNS[kind]]
    missing = [name[:-1] for name in COLUMNS[kind] if name.endswith("*") and name[:-1] not in header]
    if missing:
        raise NotReadable(
            f"Falta(m) a(s) coluna(s) {', '.join(missing)}. Colunas de {kind}: {', '.join(known)}."
        )
    double = sorted({name for name in header if name in known and header.count(name) > 1})
    if double:
        raise NotReadable(f"A coluna {double[0]} aparece mais de uma vez.")


def _fields(header: Sequence[str], values: Sequence[str]) -> Fields:
    fields = {name: value.strip() for name, value in zip(header, values, strict=False)}
    if len(values) > len(header) and any(value.strip() for value in values[len(header) :]):
        fields["\0"] = "more values than columns"
    return fields


def _check_width(fields: Fields) -> None:
    if "\0" in fields:
        raise BadField("há mais campos que colunas")


def _customer(fields: Fields) -> CustomerRow:
    _check_width(fields)
    phones = [read_text(fields.get(f"telefone_{n}", ""), f"telefone_{n}", longest=_PHONE) for n in (1, 2, 3)]
    allowed = [
        read_flag(fields.get(f"permite_sms_{n}", ""), f"permite_sms_{n}", default=True) for n in (1, 2, 3)
    ]
    return CustomerRow(
        id=read_id(fields.get("id_cliente", ""), "id_cliente"),
        name=read_text(fields.get("nome", ""), "nome", longest=200, required=True) or "",
        uf=read_uf(fields.get("uf", ""), "uf"),
        phone_1=phones[0],
        phone_1_allowed=allowed[0],
        phone_2=phones[1],
        phone_2_allowed=allowed[1],
        phone_3=phones[2],
        phone_3_allowed=allowed[2],
    )


async def _store_customers(connection: Connection, rows: Sequence[CustomerRow]) -> set[int]:
    await upsert_customers(connection, rows)
    return set()


def _contact(fields: Fields) -> ContactRow:
    _check_width(fields)
    return ContactRow(
        id=read_id(fields.get("id_contato", ""), "id_contato"),
        customer_id=read_id(fields.get("id_cliente", ""), "id_cliente"),
        name=read_text(fields.get("nome", ""), "nome", longest=200) or "",
        phone=read_text(fields.get("telefone", ""), "telefone", longest=_PHONE, required=True) or "",
        sms_allowed=read_flag(fields.get("permite_sms", ""), "permite_sms", default=False),
    )


def _invoice(fields: Fields) -> InvoiceRow:
    _check_width(fields)
    due_date = read_date(fields.get("vencimento", ""), "vencimento")
    if due_date is None:
        raise BadField("vencimento está vazio")
    paid_at = read_date(fields.get("pago_em", ""), "pago_em")
    return InvoiceRow(
        id=read_id(fields.get("id_fatura", ""), "id_fatura"),
        customer_id=read_id(fields.get("id_cliente", ""), "id_cliente"),
        amount=read_amount(fields.get("valor", ""), "valor"),
        due_date=due_date,
        status=read_status(fields.get("situacao", ""), "situacao", paid_at=paid_at),
        paid_at=paid_at,
        link=read_link(fields.get("link", ""), "link"),
        linha_digitavel=read_linha_digitavel(fields.get("linha_digitavel", ""), "linha_digitavel"),
        pix=read_text(fields.get("pix", ""), "pix", longest=600),
    )
