"""What a command would log while it prepares the database, in words: whoever typed it reads no log."""

from __future__ import annotations

import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

_WORDS = {
    "waits_for_another_process": (
        "Outro processo está preparando o banco de dados; este comando espera por ele."
    ),
    "database_is_a_copy_and_held": (
        "ATENÇÃO: este banco é uma cópia restaurada. As mensagens pendentes estão retidas; "
        "confira e rode: disparo retomar"
    ),
    "database_is_copied_before_the_upgrade": "Antes de atualizar o banco de dados, uma cópia: {file}",
    "database_is_upgraded_without_a_copy": "O banco de dados é atualizado sem uma cópia: {why}",
}


def speak() -> None:
    """Say these lines from now on in words, on standard error."""
    processors = structlog.get_config()["processors"]
    if _say not in processors:
        structlog.configure(processors=[_say, *processors])


def _say(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    words = _WORDS.get(event["event"])
    if words is None:
        return event
    print(words.format_map(event), file=sys.stderr, flush=True)
    raise structlog.DropEvent
