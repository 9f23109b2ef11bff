"""Fields of a platform's call: of its query, or of a form in its body."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, parse_form

from disparo.platforms.json_paths import text_of

#: More than any platform's call has; whoever sends a hundred thousand keeps us busy.
_MOST_FIELDS = 2000


def read_urlencoded(octets: bytes) -> dict[str, str]:
    """Read `a=b&c=d`, in UTF-8 or, from older programs, Windows-1252; raises ValueError: too many fields."""
    # Latin-1 stands for the octets themselves, escaped or not; each text is decoded for itself.
    pairs = parse_qsl(
        octets.decode("latin-1"), encoding="latin-1", keep_blank_values=True, max_num_fields=_MOST_FIELDS
    )
    return {_text(name): _text(value) for name, value in pairs}


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


def _text(told: str) -> str:
    return text_of(told.encode("latin-1"))
