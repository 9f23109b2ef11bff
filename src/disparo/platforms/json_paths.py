"""Reading what came as JSON, or as XML, by paths such as `data.items[0].id` or `retorno.sms[0].@id`."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from xml.etree.ElementTree import Element, tostring

from disparo.platforms.xml_trees import child, read_xml

#: Of an id or a reference: PostgreSQL cannot index what has no end. Both sides of a comparison are cut alike.
LONGEST_NAME = 200
_LONGEST = 2000  # of a text that is read

#: What may stand before the first sign of what came: marks of an alphabet, half a sign of UTF-16, blanks.
_BEFORE = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

to_json = json.JSONEncoder(ensure_ascii=False).encode


@lru_cache(maxsize=1024)
def _steps(path: str) -> Sequence[str]:
    return re.findall(r"[^.\[\]]+", path)


def at(content: object, path: str | None) -> object:
    """Follow a path; None where it leads nowhere."""
    if path is None:
        return None
    for step in _steps(path):
        if isinstance(content, list) and step.isdecimal() and int(step[:9]) < len(content):
            content = content[int(step[:9])]
        elif isinstance(content, dict):
            content = content.get(step)
        elif isinstance(content, Element):
            content = child(content, step)
        else:
            return None
    return content


def first_at(content: object, paths: str | list[str] | None) -> str | int | float | None:
    """Give what the first path that leads somewhere holds; None for objects, lists, ''."""
    for path in [paths] if isinstance(paths, str) else paths or []:
        value = at(content, path)
        if isinstance(value, Element):
            value = value.text
        if isinstance(value, str | int | float) and value != "":
            return value
    return None


def text_at(content: object, paths: str | list[str] | None) -> str | None:
    """Give what `first_at` does, as text."""
    value = first_at(content, paths)
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else storable(str(value))[:_LONGEST]


def listed(found: object) -> list[object] | None:
    """Give the list that a path leads to; None where to none. XML has no list of one but its item."""
    if isinstance(found, Element) and found.tag:
        return [found]
    return found if isinstance(found, list) else None


def as_it_came(part: object) -> str:
    """Give a part of what came as text again, in the language it came in."""
    return tostring(part, encoding="unicode") if isinstance(part, Element) else to_json(part)


def storable(text: str) -> str:
    """Give a text that PostgreSQL can hold: JSON can carry NUL and half a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def text_of(body: bytes) -> str:
    """Give what came as text: UTF-8, without its mark, else Windows-1252, which older programs write."""
    try:
        return body.decode("utf-16" if body.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def is_markup(body: bytes) -> bool:
    """Tell XML, and HTML, by the first sign: JSON and forms have another."""
    return body.lstrip(_BEFORE).startswith(b"<")


def content_of(body: bytes) -> object:
    """Parse JSON or XML; None where it is neither. Another alphabet is forgiven, and a comma too many."""
    if is_markup(body):
        return read_xml(text_of(body).strip())
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return _forgiving(text_of(body))
    return found


def _forgiving(text: str) -> object:
    mended = re.sub(r",(\s*[}\]])", r"\1", text)
    try:
        found: object = json.loads(mended)
    except (ValueError, RecursionError):
        return None
    return found
