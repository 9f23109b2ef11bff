"""Reads HubSoft's answers: up to a limit, row by row, and whether asking again may help."""

from __future__ import annotations

import codecs
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol, TypeVar

import aiohttp
import structlog

from disparo.db.customers import CustomerRow, InvoiceRow
from disparo.errors import in_words
from disparo.sources.base import Page, SourceDown, SourceRefused
from disparo.sources.csv_fields import BadField, on_one_line
from disparo.sources.hubsoft_fields import read_customer, read_invoice, read_told

log = structlog.get_logger(__name__)

#: Several times a page of 500 invoices with all their details.
LIMIT_BYTES = 32 << 20
#: Values in one, as many times over: lists of nothing take thirty times their room, and seconds to read.
_MOST_VALUES = 1_000_000
#: Of an answer, in bytes, as of a caller's whole head. aiohttp takes 8 KiB, which a policy may pass.
LONGEST_HEADER = 64 << 10
_PASSING = frozenset({408, 425, 429})
_SERVER_ERROR = 500
_LONGEST_WAIT_S = 60.0
_HOUR_S, _DAY_S = 3600.0, 86_400.0
_LONGEST_WORDS = 120
_DIGITS = 19  # beyond these it is no bigint
_UTF_8 = "utf-8-sig"
_IDS = {"customer": "id_cliente", "invoice": "id_fatura"}
Row_co = TypeVar("Row_co", covariant=True)


class _Read(Protocol[Row_co]):
    def __call__(self, item: Mapping[str, Any], *, lenient: bool) -> Row_co: ...


class PageFails(SourceDown):
    """HubSoft is there, and does not get this answer done."""


class TryLater(SourceDown):
    """HubSoft is to be asked again in `wait_s` seconds; None: it does not say when.

    `of_answer`: it is there, and fails at this one answer.
    """

    def __init__(self, why: str, wait_s: float | None, *, of_answer: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.wait_s = wait_s
        self.of_answer = of_answer

    @property
    def gives_up(self) -> bool:
        """It asks for more patience than we have."""
        return self.wait_s is not None and self.wait_s > _LONGEST_WAIT_S


def later_if_passing(response: aiohttp.ClientResponse) -> None:
    """Raise TryLater where a status passes: its own, and those of what stands before it, which has more."""
    if response.status in _PASSING or response.status >= _SERVER_ERROR:
        fails = response.status >= _SERVER_ERROR
        raise TryLater(f"HTTP {response.status}", retry_after(response.headers), of_answer=fails)


def later_after(error: Exception) -> TryLater:
    """Give what a broken connection or answer means."""
    nobody_there = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return TryLater(said_of(error), None, of_answer=not nobody_there)


def said_of(error: Exception) -> str:
    """Say in words why no answer came: whoever administers reads it."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "o certificado HTTPS dele não é aceito"
    if isinstance(error, aiohttp.ClientSSLError):
        return "o HTTPS falha"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return in_words(error.os_error)
    if isinstance(error, ValueError):
        return "a resposta não é JSON"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return "a conexão foi cortada antes do fim da resposta"
    return in_words(error)


async def read_json(response: aiohttp.ClientResponse) -> Any:
    """Read an answer; raises SourceRefused beyond the limits, ValueError if it is no JSON.

    Nothing is none either: an answer without a length looks whole where the connection broke before it.
    """
    read = bytearray()
    async for piece in response.content.iter_any():
        read += piece
        if len(read) > LIMIT_BYTES:
            raise SourceRefused(
                f"A resposta do HubSoft a {response.url.path} passa de {LIMIT_BYTES >> 20} MiB."
            )
    if sum(map(read.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise SourceRefused(f"A resposta do HubSoft a {response.url.path} tem valores demais.")
    text = _decoded(read, response.charset or _UTF_8)
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("no end of lists within lists") from error


def backoff_s(attempt: int) -> float:
    """Give how long to wait after so many tries, where the answer does not say."""
    return float(min(_LONGEST_WAIT_S, 0.25 * 2**attempt)) * (0.5 + random.random())  # noqa: S311 - spreads load


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give what the answer says of when to ask again."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() and len(text) < 6 else None  # noqa: PLR2004 - else no usable number


def _decoded(body: bytearray, charset: str) -> str:
    """Decode an answer; raises ValueError. UTF-8 may have a mark before it, or a charset that is none."""
    with suppress(LookupError):
        if codecs.lookup(charset).name != "utf-8":
            return body.decode(charset)
    return body.decode(_UTF_8)


def lifetime_s(told: object) -> float:
    """Read how long a token lives, a day at most; an hour where no number says it."""
    try:
        lives_s = float(told) if isinstance(told, str | int | float) and told else math.nan
    except (ValueError, OverflowError):
        lives_s = math.nan
    return _HOUR_S if math.isnan(lives_s) else min(max(0.0, lives_s), _DAY_S)


def is_success(answer: object) -> bool:
    """Tell whether an answer is HubSoft's own success."""
    return isinstance(answer, dict) and str(answer.get("status", "")).startswith("su")


def words_of(answer: object) -> str:
    """Give what a refusal says of its reason, to stand behind our own words; empty where it says nothing."""
    said = answer.get("msg") if isinstance(answer, dict) else None
    words = on_one_line(said)[:_LONGEST_WORDS].strip(" .") if isinstance(said, str) else ""
    return f": {words}" if words else ""


def items_of(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Give a list, also as PHP writes one with gaps; raises SourceRefused: no list is not an empty one."""
    found = answer.get(name)
    if isinstance(found, dict) and all(key.isdecimal() for key in found):
        found = list(found.values())
    if not isinstance(found, list):
        raise SourceRefused(f"A resposta do HubSoft não traz a lista ({name}).")
    return [item for item in found if isinstance(item, dict)]


def page_of(
    answer: Mapping[str, Any],
    number: int,
    per_page: int,
    *,
    customers: Sequence[CustomerRow] = (),
    invoices: Sequence[InvoiceRow] = (),
    left_out: int,
) -> Page:
    """Give what was read of a page, counted from 0, with what the answer says of all pages."""
    name, id_name = ("clientes", "id_cliente") if "clientes" in answer else ("faturas", "id_fatura")
    items = items_of(answer, name)
    return Page(
        is_last(answer, number, name, per_page),
        customers=customers,
        invoices=invoices,
        left_out=left_out,
        ids=[_number_in(item.get(id_name)) or -number * per_page - at for at, item in enumerate(items, 1)],
        total=total_of(answer),
        told=dict(filter(None, map(read_told, items))) if name == "faturas" else {},
    )


def total_of(answer: Mapping[str, Any]) -> int | None:
    """Give how many rows an answer says there are on all pages; None where it does not say."""
    paging = answer.get("paginacao")
    return _number_in(paging.get("total_registros")) if isinstance(paging, dict) else None


def _number_in(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < _DIGITS else None


def is_last(answer: Mapping[str, Any], page: int, name: str, per_page: int) -> bool:
    """Tell whether nothing follows a page, counted from 0."""
    count, paging = len(items_of(answer, name)), answer.get("paginacao")
    last = _number_in(paging.get("ultima_pagina")) if isinstance(paging, dict) else None
    return not count or (count < per_page if last is None else page >= last)


def customers_of(
    answer: Mapping[str, Any], source: str, *, sms_allowed: bool
) -> tuple[list[CustomerRow], int]:
    """Read the customers of an answer; gives how many could not be read, too."""
    items = items_of(answer, "clientes")
    found = [row for _, row in _read_each(items, read_customer, source, "customer")]
    for row in found:
        row["source"] = source
        if not sms_allowed:
            row |= {"phone_1_allowed": False, "phone_2_allowed": False, "phone_3_allowed": False}
    return found, len(items) - len(found)


def invoices_of(
    answer: Mapping[str, Any], source: str, asked_at: datetime, *, all_active: bool
) -> tuple[list[InvoiceRow], int]:
    """Read the invoices of an answer; gives how many could not be read, too."""
    items = items_of(answer, "faturas")
    found: list[InvoiceRow] = []
    for item, row in _read_each(items, read_invoice, source, "invoice"):
        row["source"] = source
        if all_active or item.get("fatura_ativa") is not None:  # else asked before it is sent
            row["checked_at"] = asked_at
        found.append(row)
    return found, len(items) - len(found)


def _read_each(
    items: Sequence[Mapping[str, Any]], read: _Read[Row_co], source: str, kind: str
) -> Iterator[tuple[Mapping[str, Any], Row_co]]:
    for item in items:
        try:
            yield item, read(item, lenient=True)
        except BadField as bad:
            id_ = _number_in(item.get(_IDS[kind]))
            log.warning("source_row_left_out", source=source, kind=kind, id=id_, why=str(bad))
