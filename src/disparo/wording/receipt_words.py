"""What a platform's receipt says beside its kind, in words."""

from __future__ import annotations

import asyncpg

from disparo.wording import code_words, words
from disparo.wording.plain import on_line


def details(receipt: asyncpg.Record) -> list[str]:
    """Give carrier, failure, code and contradiction, as far as there are any; of a row of `lookups`."""
    parts = [f"pela operadora {on_line(receipt['carrier'])}"] if receipt["carrier"] else []
    if receipt["failure"]:
        parts.append(words.reason(receipt["failure"], receipt["kind"]))
    if receipt["code"]:
        parts.append(code_words.code(receipt["code"]))
    if receipt["result"] == "contradiction":
        parts.append(words.CONTRADICTION)
    return parts
