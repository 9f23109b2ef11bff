"""Fields of a platform's call: of its query, or of a form in its body."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

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
    """Read the fields of a multipart/form-data body; what is none has no fields."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    found: dict[str, str] = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + body).walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes) and len(found) < _MOST_FIELDS:
            found[name] = text_of(content)
    return found


def _text(told: str) -> str:
    return text_of(told.encode("latin-1"))
