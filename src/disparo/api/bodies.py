"""Reads request bodies as clients in the field send them: JSON, urlencoded, multipart (docs/api.md §1)."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Collection
from typing import Any, NoReturn

from fastapi import Request
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from disparo.api.access import admit_still
from disparo.api.errors import Failure, Refusal
from disparo.api.header_fields import field_of
from disparo.platforms.forms import read_pairs
from disparo.platforms.json_paths import text_of
from disparo.sources.json_values import says_nothing

_Pairs = list[tuple[str, str]]
_BRACKETS = re.compile(r"^([^\[\]]+)\[[^\[\]]*\](\[.*\])?$", re.DOTALL)
_MOST_FIELDS = 1000
_PIECE = 64 << 10
#: A body that took longer: its caller may have been shut out meanwhile.
_LATE_S = 1.0
#: Any other word is no compression, as the charset that some programs write there.
_COMPRESSIONS = frozenset({"br", "compress", "deflate", "gzip", "x-compress", "x-gzip", "zstd"})
_MALFORMED = "O corpo da requisição não é um JSON válido"
_NOT_UTF_8 = (
    "O corpo da requisição não está em UTF-8: converta-o antes de enviar (de Windows-1252 ou ISO-8859-1?)"
)
_NO_FORM = "O corpo da requisição não é um multipart/form-data válido, ou traz arquivos"
_NOT_AN_OBJECT = "O corpo da requisição deve ser um objeto JSON"
#: Lists and objects with next to nothing in them: three megabytes of these take ten seconds to read, in which
#: nobody else is answered. Those of a push have more octets each.
_MANY, _LEAST_OCTETS = 10_000, 16
_NESTED = "O corpo da requisição tem listas e objetos demais para o seu tamanho"


async def read_raw(request: Request, limit_bytes: int) -> bytes:
    """Read a body of at most `limit_bytes`; raises Failure 413 before more than that is in memory.

    Whoever was admitted before it came, and is not any more, is refused: see `admit_still`.
    """
    declared = field_of(request, b"content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit_bytes:
        raise _too_large(limit_bytes)
    read, began, more = bytearray(), time.monotonic(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        read += message.get("body", b"")
        more = message.get("more_body", False)
        if len(read) > limit_bytes:
            raise _too_large(limit_bytes)
    body = bytes(read)
    if time.monotonic() - began > _LATE_S:
        await admit_still(request)
    # A call that turns out to be for another server goes on as it came.
    request.scope["state"]["raw_body"] = body
    return body


async def read_fields(
    request: Request, limit_bytes: int, *, repeated: Collection[str] = (), most_fields: int = _MOST_FIELDS
) -> dict[str, Any]:
    """Read a body as fields by name; raises Failure 413, 415 or Refusal.

    A body that starts with `{` is JSON whatever its label; one that is labelled JSON and is urlencoded is
    read as that. Of a name that comes twice in a form the last one counts, as in PHP, except names in
    `repeated`, of which all do; `name[]` makes a list. `most_fields`: of a form.
    """
    if is_compressed(field_of(request, b"content-encoding", "")):
        raise Failure(415, "Envie o corpo da requisição sem compressão")
    body = await read_raw(request, limit_bytes)
    text = body.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if not text:
        return {}
    if text.startswith(b"{"):
        return _json_object(text)
    label = field_of(request, b"content-type", "").partition(";")[0].strip().lower()
    if label == "multipart/form-data":
        return _gather(await _multipart(request.headers, body, most_fields), repeated)
    if label in ("", "application/x-www-form-urlencoded"):
        return _gather(_urlencoded(text, most_fields), repeated)
    if label == "application/json" or label.endswith("+json"):
        if b"=" in text and text[:1] not in b'["':
            return _gather(_urlencoded(text, most_fields), repeated)
        return _json_object(text)  # in UTF-16, or none
    raise Failure(415, "Envie o corpo como JSON, application/x-www-form-urlencoded ou multipart/form-data")


def is_compressed(encoding: str) -> bool:
    """Tell whether a Content-Encoding names a compression; others, as `UTF-8`, are no such encoding."""
    return bool(encoding) and any(word.strip().lower() in _COMPRESSIONS for word in encoding.split(","))


def read_query(request: Request) -> dict[str, str]:
    """Read what is asked for in a call's address; raises Refusal."""
    return dict(_urlencoded(request.scope["query_string"], _MOST_FIELDS))


async def read_call(
    request: Request, limit_bytes: int, *, repeated: Collection[str] = (), most_fields: int = _MOST_FIELDS
) -> dict[str, Any]:
    """Read the fields of a call as `read_fields` does, those of its address too, before which the body's go.

    So does the framework that the original is made of: a `simular` that was not seen would send. Null, or a
    text of blanks, in the body takes nothing from the address.
    """
    fields = await read_fields(request, limit_bytes, repeated=repeated, most_fields=most_fields)
    if not (address := request.scope["query_string"]):
        return fields
    found = _gather(_urlencoded(address, most_fields), repeated)
    return found | {
        name: value for name, value in fields.items() if not says_nothing(value) or name not in found
    }


def _json_object(text: bytes) -> dict[str, Any]:
    if text.count(b"[") + text.count(b"{") > max(_MANY, len(text) // _LEAST_OCTETS):
        raise Refusal(_NESTED)
    try:
        found = _JSON.decode(text.decode(json.detect_encoding(text), "surrogatepass"))
    except UnicodeDecodeError:
        raise Refusal(_NOT_UTF_8) from None
    except (ValueError, RecursionError):  # not JSON, NaN, an integer of thousands of digits, a depth bomb
        raise Refusal(_MALFORMED) from None
    if not isinstance(found, dict):
        raise Refusal(_NOT_AN_OBJECT)
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)


def _urlencoded(text: bytes, most_fields: int) -> _Pairs:
    """Read a form in UTF-8, or in Windows-1252, as programs of older systems write it; raises Refusal."""
    try:
        pairs = read_pairs(text, most_fields)
    except ValueError:
        raise Refusal("A requisição tem campos demais") from None
    return [(text_of(name), text_of(value)) for name, value in pairs]


class _Parser(MultiPartParser):
    """A reader of multipart forms that knows whether it is inside a part: the last one may be cut."""

    is_inside = False

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.is_inside = True
        super().on_header_field(data, start, end)

    def on_part_end(self) -> None:
        self.is_inside = False
        super().on_part_end()


async def _multipart(headers: Headers, body: bytes, most_fields: int) -> _Pairs:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(body), _PIECE):
            yield body[start : start + _PIECE]
            await asyncio.sleep(0)  # a large one takes a third of a second: other calls are served meanwhile

    parser = _Parser(headers, pieces(), max_files=0, max_fields=most_fields, max_part_size=len(body) + 1)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError, LookupError):
        raise Refusal(_NO_FORM) from None
    if parser.is_inside:
        raise Refusal(_NO_FORM)
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


def _gather(pairs: _Pairs, repeated: Collection[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, text in pairs:
        found = _BRACKETS.match(name)
        key = name if found is None else found[1]
        # `name[0][more]` is an item of `name` that is no text: refused as in JSON, not lost.
        value = {found[2]: text} if found is not None and found[2] else text
        before = fields.get(key)
        if isinstance(before, list) and (found is not None or key in repeated):
            before.append(value)
        elif before is not None and key in repeated:
            fields[key] = [before, value]
        else:
            fields[key] = value if found is None else [value]
    return fields


def _too_large(limit_bytes: int) -> Failure:
    return Failure(413, f"O corpo da requisição passa do limite de {limit_bytes // 1024} KiB")
