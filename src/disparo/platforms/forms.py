"""Fields of a platform's call: of its query, or of a form in its body."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from disparo.platforms.json_paths import text_of

#: More than any platform's call has; whoever sends a hundred thousand keeps us busy.
_MOST_FIELDS = 2000
#: Of the lines above a field's text. The standard library's parser takes minutes for what is longer.
_LONGEST_HEAD = 4096
_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;,"]+))', re.IGNORECASE)
_BLANK_LINE, _FOLD = re.compile(rb"\r?\n\r?\n"), re.compile(rb"\r?\n[ \t]+")
_NAME = re.compile(
    rb'^content-disposition:[^\r\n]*?;[ \t]*name=(?:"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE | re.MULTILINE
)


def read_urlencoded(octets: bytes) -> dict[str, str]:
    """Read `a=b&c=d`, in UTF-8 or, from older programs, Windows-1252; raises ValueError: too many fields."""
    # Latin-1 stands for the octets themselves, escaped or not; each text is decoded for itself.
    pairs = parse_qsl(
        octets.decode("latin-1"), encoding="latin-1", keep_blank_values=True, max_num_fields=_MOST_FIELDS
    )
    return {_text(name): _text(value) for name, value in pairs}


def read_multipart(content_type: str, body: bytes) -> dict[str, str]:
    """Read the fields of a multipart/form-data body; what is none has no fields."""
    label = _BOUNDARY.search(content_type)
    if label is None:
        return {}
    found: dict[str, str] = {}
    mark = b"--" + (label[1] or label[2]).encode("latin-1", "replace")
    for part in body.split(mark, _MOST_FIELDS)[1:]:
        gap = _BLANK_LINE.search(part)
        if part.startswith(b"--"):
            break
        if gap is None or gap.start() > _LONGEST_HEAD:
            continue
        name = _NAME.search(_FOLD.sub(b" ", part[: gap.start()]))
        if name is not None:
            content = part[gap.end() :].removesuffix(b"\n").removesuffix(b"\r")
            found[text_of(name[2] or name[1])] = text_of(content)
    return found


def _text(told: str) -> str:
    return text_of(told.encode("latin-1"))
