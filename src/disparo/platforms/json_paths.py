"""Reading what came as JSON by paths such as `data.items[0].id`."""

from __future__ import annotations

import json
import re


def at(content: object, path: str | None) -> object:
    """Follow a path; None where it leads nowhere."""
    if path is None:
        return None
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(content, list) and step.isdigit() and int(step) < len(content):
            content = content[int(step)]
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
            return str(value)
    return None


def json_or_none(body: bytes) -> object:
    """Parse JSON; None where it is none."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found
