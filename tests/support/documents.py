"""The commands that a document tells people to type, by the heading under which they stand."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def commands_under(page: Path, heading: str) -> str:
    """Every ```sh block (or one without a language) under a heading, down to the next heading of any level."""
    text = page.read_text(encoding="utf-8")
    fenced = re.compile(r"^```\w*\n.*?^```$", re.DOTALL | re.MULTILINE)
    # A # within a block is a comment, not a heading.
    bare = fenced.sub(lambda found: re.sub(r"(?m)^#", "\0", found[0]), text)
    parts = re.split(r"(?m)^#+ (.*)$", bare)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    exact = [body for title, body in bodies.items() if title == heading]
    (body,) = exact or [body for title, body in bodies.items() if title.startswith(heading)]
    blocks = re.findall(r"(?ms)^```(?:sh)?\n(.*?)^```$", body.replace("\0", "#"))
    assert blocks, heading
    return "\n".join(blocks)
