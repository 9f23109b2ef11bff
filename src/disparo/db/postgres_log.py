"""What our private PostgreSQL says of itself: one file beside the data, kept small without a log rotation."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import IO

_MOST_BYTES = 10_000_000
#: The newest lines stay: they say why it fell.
_KEPT_BYTES = 1_000_000
_REASON = re.compile(r"\b(?:PANIC|FATAL): ")
#: Said to whoever connects at the wrong moment.
_TO_CLIENTS = re.compile(
    r"not (?:yet )?accepting connections|the database system is (?:starting up|shutting down)"
)


def log_file(data_dir: Path) -> Path:
    """Give its place."""
    return data_dir / "postgres.log"


def open_at_end(data_dir: Path) -> IO[bytes]:
    """Open it for the server to write on; closed to others, whatever the umask, as what lies beside it."""
    opened = os.open(log_file(data_dir), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(opened, 0o600)
    return os.fdopen(opened, "ab")


def keep_small(path: Path) -> None:
    """Cut a file that has grown down to its last lines, in place: the server goes on at its end.

    It appends, so that what it writes next follows them; what it writes at this very moment may be lost.
    """
    with suppress(OSError):  # not there yet, or a disk that takes nothing: at the next look
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size <= _MOST_BYTES:
                return
            file.seek(size - _KEPT_BYTES)
            kept = file.read(_KEPT_BYTES).partition(b"\n")[2]
            file.truncate(0)
        with path.open("ab") as file:
            file.write(kept)


def size_of(path: Path) -> int:
    """Tell how much it has said so far, in bytes."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


def reason_since(path: Path, start: int) -> str:
    """Give the last line after the first `start` bytes that says why it fell; where none does, the last.

    After the reason it goes on to say that it ends, and what it answers those who connect meanwhile. What
    it said before may be the reason of an earlier fall.
    """
    try:
        with path.open("rb") as file:
            if start <= file.seek(0, os.SEEK_END):  # else it was cut down meanwhile
                file.seek(start)
            else:
                file.seek(0)
            lines = file.read().decode("utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    reasons = [line for line in lines if _REASON.search(line) and not _TO_CLIENTS.search(line)]
    return (reasons or lines or [""])[-1]
