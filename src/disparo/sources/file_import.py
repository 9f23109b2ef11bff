"""Imports customers, contacts and invoices from files: streamed, upserted by id, bad lines set apart."""

from __future__ import annotations

import asyncio
import csv
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from disparo.db import register_counts
from disparo.db.customers import (
    count_other_phones,
    fill_in_days_of,
    upsert_contacts,
    upsert_customers,
    upsert_invoices,
)
from disparo.db.pool import Connection
from disparo.domain.phone import is_filler, read_registered
from disparo.sources.amount_style import AmountStyle
from disparo.sources.columns import Proposal, confirm, propose
from disparo.sources.csv_fields import BadField, is_garbled
from disparo.sources.cut_amounts import CutAmounts
from disparo.sources.day_order import DayOrder
from disparo.sources.import_report import BadLine, Report
from disparo.sources.open_table import open_table
from disparo.sources.refused_lines import RefusedLines, check_apart
from disparo.sources.row_readers import check_width, contact_reader, customer_reader, invoice_reader
from disparo.sources.seen_ids import SeenIds
from disparo.sources.tables import ROWS_ABOVE, Table
from disparo.sources.whole_lines import WholeLines

_BATCH = 5000
_KEPT_REASONS = 1000
_UTC = ZoneInfo("UTC")
_LEFT_OUT = {
    "clientes": "os dados deste cliente foram apagados a pedido dele: veja `disparo titular readmitir`",
    "contatos": "id_cliente não existe: importe os clientes antes",
    "faturas": "id_cliente não existe: importe os clientes antes",
}
_UPSERTS: Mapping[str, Callable[[Connection, Sequence[Any]], Awaitable[set[int]]]] = {
    "clientes": upsert_customers,
    "contatos": upsert_contacts,
    "faturas": upsert_invoices,
}
_IDS: Mapping[str, str] = {"clientes": "id_cliente", "contatos": "id_contato", "faturas": "id_fatura"}
_PHONES = ("phone_1", "phone_2", "phone_3", "phone")
_PHONE_FIELDS: Mapping[str, str] = {f"telefone_{n}": f"phone_{n}" for n in (1, 2, 3)}
Progress = Callable[[int, int], None]
_READERS: Mapping[str, Callable[[Mapping[str, int]], Callable[[Sequence[str]], Any]]] = {
    "clientes": customer_reader,
    "contatos": contact_reader,
    "faturas": invoice_reader,
}


@dataclass(frozen=True, slots=True)
class Options:
    """How to import a file. `simulate`: do all and undo it. `refused`: where bad lines go, with reasons."""

    simulate: bool = False
    refused: Path | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)
    confirmed: Proposal | None = None
    progress: Progress = lambda _done, _total: None
    zone: ZoneInfo = _UTC


@dataclass(slots=True)
class _Line:
    number: int
    values: Sequence[str]
    row: Any


@dataclass(slots=True)
class _Batch:
    lines: list[_Line] = field(default_factory=list)
    bad: list[tuple[_Line, str]] = field(default_factory=list)
    no_phone_at: list[int] = field(default_factory=list)
    garbled_at: list[int] = field(default_factory=list)
    repeated_at: list[int] = field(default_factory=list)
    progress: tuple[int, int] = (0, 0)


def look(kind: str, path: Path, chosen: Mapping[str, str] | None = None) -> Proposal:
    """Say how a file would be read; raises NotReadable."""
    with open_table(path) as table:
        return propose(kind, list(itertools.islice(table.rows(), ROWS_ABOVE)), chosen, table.beside)


async def import_file(
    connection: Connection,
    kind: str,
    path: Path,
    options: Options | None = None,
    *,
    report: Report | None = None,
) -> Report:
    """Store the good lines of a file, some thousand to a transaction; `kind` is one of `columns.FIELDS`.

    Raises NotReadable where the file is none that could be imported. One that breaks off leaves what was
    stored (of invoices nothing: they are read twice); run again it goes over the same lines and changes
    nothing about them. A `report` that is given tells then what that was.
    """
    options = options or Options()
    check_apart(path, options.refused)
    report = report or Report(kind)
    with ExitStack() as stack:
        table = stack.enter_context(open_table(path))
        reader = _Reader(kind, table, options)
        await asyncio.to_thread(reader.find_header)
        while await asyncio.to_thread(reader.look_ahead):
            pass  # in pieces: an interrupt waits for no more than one
        report.proposal = reader.proposal
        headers, separator = reader.proposal.headers, table.separator
        refused = RefusedLines(stack, options.refused, path, headers, separator)
        storing: asyncio.Task[None] | None = None
        try:
            while batch := await asyncio.to_thread(reader.next_batch):
                if storing is not None:
                    await asyncio.shield(storing)  # an interrupt waits for it: what is stored is counted
                storing = asyncio.create_task(
                    _store(connection, kind, batch, report, refused, options=options)
                )
                options.progress(*batch.progress)
        finally:
            if storing is not None:
                await storing
        report.beside, report.hidden = table.beside, table.hidden
    if not options.simulate:
        async with connection.transaction():
            await register_counts.fold_counts(connection)
    return report


class _Reader:
    """Reads a table in batches; called in a thread, one call at a time."""

    def __init__(self, kind: str, table: Table, options: Options) -> None:
        self._kind = kind
        self._options = options
        self.table = table
        self._rows: Iterator[tuple[int, Sequence[str]]] = table.rows(keep=kind == "faturas")
        self.proposal = Proposal(1, [], [])
        self._read: Callable[[Sequence[str]], Any] = list
        self._positions: Mapping[str, int] = {}
        self._id_at = 0
        self._cut: CutAmounts | None = None
        self._days, self._amounts, self._seen = DayOrder(), AmountStyle(), SeenIds()
        self._whole = WholeLines(table)

    def find_header(self) -> None:
        first = list(itertools.islice(self._rows, ROWS_ABOVE))
        given = self._options.confirmed
        chosen, beside = self._options.chosen, self.table.beside
        self.proposal = confirm(self._kind, given) if given else propose(self._kind, first, chosen, beside)
        self._positions = self.proposal.positions
        self._id_at = self._positions[_IDS[self._kind]]
        self._read = _READERS[self._kind](self._positions)
        if self._kind == "faturas" and self.table.separator == ",":
            self._cut = CutAmounts(self.proposal, self._read)
        self._rows = _below(self.proposal.line, itertools.chain(first, self._rows))

    def look_ahead(self) -> bool:
        """Look at the next due dates alone; False at the end, from where the file is read from its beginning.

        What tells the order of day and month may stand in the last line. Raises NotReadable where they have
        changed places.
        """
        if "vencimento" not in self._positions:
            return False
        number = 0
        for number, values in itertools.islice(self._rows, _BATCH):
            self._days.see(number, self._text_of("vencimento", values))
        if not number:
            self._days.check()
            self._rows = _below(self.proposal.line, self.table.rows())
        return number > 0

    def next_batch(self) -> _Batch | None:
        """Give the next good and bad lines, of an id that comes twice only the last; None at the end."""
        batch, by_id, unsure = _Batch(), dict[int, _Line](), list[_Line]()
        width = len(self.proposal.headers)
        seen = 0
        for number, values in itertools.islice(self._rows, _BATCH):
            seen += 1
            is_open = self._amounts.leaves_open(self._text_of("valor", values))
            try:
                self._check_quotes(values)
                check_width(values, width, self.table.separator)
                self._whole.check(number, values, width, self._positions.get("valor"))
                row = self._read(values)
                if self._cut is not None:
                    self._cut.check(values, row)
            except BadField as bad:
                batch.bad.append((_Line(number, values, None), self.proposal.in_its_words(str(bad))))
                continue
            if self._seen.add(row["id"]):
                batch.repeated_at.append(number)
            by_id.pop(row["id"], None)
            by_id[row["id"]] = line = _Line(number, values, row)
            if is_open:
                unsure.append(line)
        self._leave_out(unsure, by_id, batch)
        batch.lines = list(by_id.values())
        batch.no_phone_at = [line.number for line in batch.lines if _has_no_phone(line.row)]
        batch.garbled_at = [line.number for line in batch.lines if is_garbled(line.row.get("name"))]
        batch.progress = self.table.progress()
        return batch if seen else None

    def _text_of(self, field: str, values: Sequence[str]) -> str:
        place = self._positions.get(field)
        return values[place].strip() if place is not None and place < len(values) else ""

    def _leave_out(self, unsure: Sequence[_Line], by_id: dict[int, _Line], batch: _Batch) -> None:
        """Refuse lines whose amount the others do not explain."""
        try:
            self._amounts.check()
        except BadField as bad:
            for line in unsure:
                if by_id.get(line.row["id"]) is line:
                    del by_id[line.row["id"]]
                batch.bad.append((line, self.proposal.in_its_words(str(bad))))

    def _check_quotes(self, values: Sequence[str]) -> None:
        """Refuse a line whose open quote took others into a field: they read as rows of their own."""
        lines = (text for value in values if not value.isprintable() for text in value.splitlines()[1:])
        if any(map(self._is_row, lines)):
            raise BadField("há aspas sem par: as linhas seguintes foram lidas como parte desta")

    def _is_row(self, text: str) -> bool:
        values: Sequence[str] = []
        try:
            values = next(csv.reader([text], delimiter=self.table.separator), [])
            self._read(values)
        except csv.Error:
            return False
        except BadField:
            # One with a fault of its own has its id, and all its fields.
            return len(values) >= len(self.proposal.headers) and values[self._id_at].strip().isdecimal()
        return True


def _below(line: int, rows: Iterator[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, Sequence[str]]]:
    return itertools.dropwhile(lambda item: item[0] <= line, rows)


def _has_no_phone(row: Mapping[str, Any]) -> bool:
    """Tell whether something stands where a phone should and is none, or one typed in to fill the field."""
    found = (read_registered(row[name]) for name in _PHONES if row.get(name))
    return any(faulty or any(map(is_filler, phones)) for phones, faulty in found)


async def _store(
    connection: Connection,
    kind: str,
    batch: _Batch,
    report: Report,
    refused: RefusedLines,
    *,
    options: Options,
) -> None:
    rows = [line.row for line in batch.lines]
    transaction = connection.transaction()
    await transaction.start()
    try:
        await fill_in_days_of(connection, options.zone)
        left_out = await _UPSERTS[kind](connection, rows)
        await _count_left_phones(connection, batch, report)
    except BaseException:
        await transaction.rollback()
        raise
    await (transaction.rollback() if options.simulate else transaction.commit())
    others = [(line, _LEFT_OUT[kind]) for line in batch.lines if line.row["id"] in left_out]
    report.stored += len(rows) - len(others)
    report.no_phone.add(batch.no_phone_at)
    report.garbled.add(batch.garbled_at)
    report.repeated.add(batch.repeated_at)
    for line, reason in sorted([*batch.bad, *others], key=lambda item: item[0].number):
        report.bad_count += 1
        refused.add(line.number, line.values, reason)
        if len(report.bad) < _KEPT_REASONS:
            report.bad.append(BadLine(line.number, reason))


async def _count_left_phones(connection: Connection, batch: _Batch, report: Report) -> None:
    """Count what stays in the columns of phones that a file lacks; one without any speaks of none."""
    fields = () if report.proposal is None else report.proposal.fields
    absent = {column: field for field, column in _PHONE_FIELDS.items() if field not in fields}
    if not 0 < len(absent) < len(_PHONE_FIELDS):
        return
    ids = [line.row["id"] for line in batch.lines]
    for column, count in (await count_other_phones(connection, ids, sorted(absent))).items():
        report.left_phones[absent[column]] += count
