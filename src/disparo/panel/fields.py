"""What people type, and what addresses carry: read leniently, never trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from disparo.domain.phone import InvalidPhone, Phone, parse_registered, read_registered

_LONGEST = 200
_LARGEST_ID = 2**63 - 1
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
#: Without width, as chat programs, PDFs and pages on the web have them beside numbers; not what joins emoji.
_UNSEEN = re.compile("[\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
#: Of a character: alone it is none.
_HALF = re.compile(r"[\ud800-\udfff]")
_OURS = re.compile(r"/painel(/[A-Za-z0-9_\-/]*)?(\?[A-Za-z0-9_\-=&%.:+]*)?")


class Wrong(Exception):
    """Something on a form cannot be used: the text says what and what to do, for the person who typed it."""


async def read_form(request: Request) -> FormData:
    """Read a form's fields once; bodies are limited by their routes. Raises HTTPException 400."""
    try:
        form = await request.form(max_files=1, max_fields=2000, max_part_size=4_194_304)
    except (ValueError, LookupError):  # a charset that Python knows, as `idna`, and that is none of a form
        raise HTTPException(400) from None
    given = (value if isinstance(value, str) else value.filename or "" for _, value in form.multi_items())
    if any(map(_HALF.search, given)):  # as `unicode_escape` writes them: nothing could store or compare it
        raise HTTPException(400)
    return form


def text(form: Mapping[str, str | UploadFile] | QueryParams, name: str, *, most: int = _LONGEST) -> str:
    """Give a field's text without what no person types; empty where there is none."""
    value = form.get(name)
    return seen(_CONTROL.sub("", value)).strip()[:most] if isinstance(value, str) else ""


def seen(text: str) -> str:
    """Give a text without characters that nobody sees."""
    return _UNSEEN.sub("", text)


def number(form: Mapping[str, str | UploadFile] | QueryParams, name: str) -> int | None:
    """Give a field's number; None where there is none, or one that is no id."""
    return id_of(text(form, name))


def id_of(digits: str) -> int | None:
    """Give an id as an address or a person writes it."""
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 19:  # noqa: PLR2004 - digits of a bigint
        return None
    value = int(digits)
    return value if 0 < value <= _LARGEST_ID else None


def named_id(request: Request, *, most: int = _LARGEST_ID) -> int:
    """Give the id that a page's address names; raises HTTPException 404 where it is none, or above `most`."""
    found = id_of(request.path_params["id"])
    if found is None or found > most:
        raise HTTPException(404)
    return found


def named_uuid(request: Request, name: str = "id") -> UUID:
    """Give the UUID that a page's address names; raises HTTPException 404."""
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise HTTPException(404) from None


def moment(form: FormData, name: str) -> datetime | None:
    """Give the moment that a form was shown with; None where it says none."""
    try:
        return datetime.fromisoformat(text(form, name)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def phone(typed: str) -> Phone:
    """Read a number as a person types it; raises Wrong."""
    try:
        return parse_registered(typed)
    except InvalidPhone:
        if len(read_registered(typed)[0]) > 1:
            raise Wrong("São vários telefones: informe um de cada vez.") from None
        raise Wrong("O telefone não é válido: use DDD e número, por exemplo 11 98888-7777.") from None


def ids(form: FormData) -> list[int]:
    """Give the ids of ticked boxes."""
    given = (id_of(value) for value in form.getlist("id") if isinstance(value, str))
    return sorted({value for value in given if value is not None})


def choice(form: Mapping[str, str | UploadFile] | QueryParams, name: str, known: Mapping[str, str]) -> str:
    """Give a chosen value that is known; empty otherwise."""
    value = text(form, name)
    return value if value in known else ""


def days(form: Mapping[str, str | UploadFile] | QueryParams) -> tuple[date | None, date | None]:
    """Give the days `de` and `ate`, None where there is none; raises Wrong where they are no period."""
    first, last = _day(text(form, "de")), _day(text(form, "ate"))
    if first is not None and last is not None and last < first:
        raise Wrong(
            f"O período está ao contrário: começa em {first:%d/%m/%Y} e termina antes, em {last:%d/%m/%Y}."
        )
    return first, last


def _day(typed: str) -> date | None:
    """Read a day that something of ours could be of; raises Wrong."""
    if not typed:
        return None
    try:
        found = date.fromisoformat(typed)
    except ValueError:
        raise Wrong(f"“{typed[:30]}” não é um dia. Escreva ano-mês-dia, por exemplo 2026-11-30.") from None
    if not _FIRST_DAY <= found <= _LAST_DAY:
        raise Wrong(f"O dia {found:%d/%m/}{found.year:04} não pode ser: informe um entre 1970 e 2999.")
    return found


def span(
    form: Mapping[str, str | UploadFile] | QueryParams, zone: ZoneInfo
) -> tuple[datetime | None, datetime | None]:
    """Give the moments between which the days `de` and `ate` (inclusive) lie; raises Wrong."""
    first, last = days(form)
    since = None if first is None else datetime.combine(first, time(), zone)
    until = None if last is None else datetime.combine(last + timedelta(days=1), time(), zone)
    return since, until


def filter_span(query: QueryParams, zone: ZoneInfo) -> tuple[datetime | None, datetime | None, str]:
    """Give what `span` gives, for a list that shows its filter again, and "".

    Of what is no period: moments between which nothing lies, and what is wrong with it.
    """
    try:
        return *span(query, zone), ""
    except Wrong as wrong:
        never = datetime.combine(_FIRST_DAY, time(), zone)
        return never, never, str(wrong)


def local_address(given: str) -> str:
    """Give an address inside the panel, whatever was asked for."""
    return given if _OURS.fullmatch(given) and "//" not in given else "/painel"
