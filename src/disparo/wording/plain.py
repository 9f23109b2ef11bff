"""What others say, for a screen: terminals obey some of what they show, and a line can be turned back."""

from __future__ import annotations


def on_line(text: str) -> str:
    """Give a text on one line, without a character that does anything."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text)


def on_lines(text: str) -> str:
    """Give a text as it is laid out, without a character that does more than that."""
    return "\n".join(map(on_line, text.expandtabs().splitlines()))
