"""Reading what came as JSON by paths such as `data.items[0].id`."""

from __future__ import annotations

import json
import re

#: Of an id or a reference: PostgreSQL cannot index what has no end. Both sides of a comparison are cut alike.
LONGEST_NAME = 200
_LONGEST = 2000  # of a text that is read

#: A part of what came, as JSON again.
to_json = json.JSONEncoder(ensure_ascii=False).encode


def at(content: object, path: str | None) -> object:
    """Follow a path; None where it leads nowhere."""
    if path is None:
        return None
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(content, list) and step.isdecimal() and int(step[:9]) < len(content):
            content = content[int(step[:9])]
        elif isinstance(content, dict):
            content = content.get(step)
        else:
            return None
    return content


def text_at(content: object, paths: str | list[str] | None) -> str | None:
    """Give what the first path that leads somewhere holds, as text; None for objects, lists, ''."""
    for path in [paths] if isinstance(paths, str) else paths or []:
        value = at(content, path)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float) and value != "":
            return storable(str(value))[:_LONGEST]
    return None


def storable(text: str) -> str:
    """Give a text that PostgreSQL can hold: JSON can carry NUL and half a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def text_of(body: bytes) -> str:
    """Give what came as text: UTF-8, without its mark, else Windows-1252, which older programs write."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def json_or_none(body: bytes) -> object:
    """Parse JSON; None where it is none. Another alphabet is forgiven, and a comma before a bracket."""
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
