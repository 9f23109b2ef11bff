"""What our private PostgreSQL says of itself: one file beside the data, kept small without a log rotation."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_MOST_BYTES = 10_000_000
#: The newest lines stay: they say why it fell.
_KEPT_BYTES = 1_000_000


def log_file(data_dir: Path) -> Path:
    """Give its place."""
    return data_dir / "postgres.log"


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


def last_line(path: Path) -> str:
    """Give what it said last."""
    with suppress(OSError):
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
    return ""
