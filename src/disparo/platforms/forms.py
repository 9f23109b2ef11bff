"""Fields of a platform's call: of its query, or of a form in its body."""

from __future__ import annotations

import re
from io import BytesIO
from itertools import product

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, parse_form

from disparo.platforms.json_paths import text_of

#: More than any platform's call has; whoever sends a hundred thousand keeps us busy.
_MOST_FIELDS = 2000
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_OCTETS = {
    bytes(pair): bytes.fromhex(bytes(pair).decode()) for pair in product(b"0123456789abcdefABCDEF", repeat=2)
}


def read_pairs(octets: bytes, most_fields: int) -> list[tuple[bytes, bytes]]:
    """Read names and values of `a=b&c=d` as the octets they stand for; raises ValueError: too many fields.

    The standard library takes a second for a megabyte of `%`, in which nothing else is answered.
    """
    if octets.count(b"&") >= most_fields:
        raise ValueError("too many fields")
    split = (each.partition(b"=") for each in octets.split(b"&") if each)
    return [(_unescaped(name), _unescaped(value)) for name, _, value in split]


def _unescaped(octets: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: _OCTETS[found[1]], octets.replace(b"+", b" "))


def read_urlencoded(octets: bytes) -> dict[str, str]:
    """Read `a=b&c=d`, in UTF-8 or, from older programs, Windows-1252; raises ValueError: too many fields."""
    return {text_of(name): _text(value) for name, value in read_pairs(octets, _MOST_FIELDS)}


def _text(value: bytes) -> str:
    """Give a value as text: Jasmin hands on what a customer wrote in UCS-2 in the octets it came in."""
    if 0 in value and len(value) % 2 == 0:
        high, low = value[::2], value[1::2]
        if 0 not in low and high.count(0) * 2 > len(high):
            return value.decode("utf-16-be", "replace")
    return text_of(value)


def read_multipart(content_type: str, body: bytes) -> dict[str, str]:
    """Read the fields of a multipart/form-data body; raises ValueError: too many, or no such form."""
    found: dict[str, str] = {}

    def add(field: Field) -> None:
        if len(found) >= _MOST_FIELDS:
            raise ValueError("too many fields")
        found[text_of(field.field_name or b"")] = text_of(field.value or b"")

    try:
        parse_form({"Content-Type": content_type.encode("latin-1", "replace")}, BytesIO(body), add, None)
    except FormParserError as error:
        raise ValueError(type(error).__name__) from error
    return found
