"""CSV that a spreadsheet opens with a double click and runs nothing of."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from zoneinfo import ZoneInfo

import asyncpg
from starlette.responses import Response, StreamingResponse

from disparo.wording import code_words, words
from disparo.wording.moment_words import to_second

#: Written first so that spreadsheets here read UTF-8; they part columns at semicolons.
_BOM = "\ufeff"
_AT_ONCE = 500
#: Rows that are read from the database at once.
PAGE = 1000


def answer(name: str, header: Sequence[str], lines: AsyncIterator[list[object]]) -> Response:
    """Give a file that is written while it is read from the database."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_written(header, lines), media_type="text/csv; charset=utf-8", headers=headers)


async def _written(header: Sequence[str], lines: AsyncIterator[list[object]]) -> AsyncIterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    buffer.write(_BOM)
    writer.writerow(header)
    count = 0
    async for line in lines:
        writer.writerow([cell(value) for value in line])
        count += 1
        if count % _AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def cell(value: object) -> str:
    """Give a cell's text; one that a spreadsheet would run as a formula is made plain by an apostrophe."""
    text = "" if value is None else str(value)
    if text[:1] in ("=", "+", "-", "@") or any(char < " " for char in text[:1]):
        return f"'{text}"
    return text


def message_line(row: asyncpg.Record, zone: ZoneInfo, code: str | None) -> list[object]:
    """Give a message of a list as a line; `code` came with its reason."""
    return [
        row["id"],
        to_second(row["created_at"], zone),
        row["invoice_id"],
        row["customer_id"],
        row["name"],
        row["phone"],
        words.STATUS[row["status"]],
        words.reason(row["reason"], row["status"]),
        row["platform"],
        row["segments"],
        to_second(row["changed_at"], zone),
        row["dispatch_id"],
        code_words.CODE.get(code, code) if code else "",
    ]
