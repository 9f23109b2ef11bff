"""Files and folders that are there whole or not at all, whatever falls meanwhile: we, the power, the disk."""

from __future__ import annotations

import os
from pathlib import Path


def write_new(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a new file in the place of any that was there; it is on the disk when this returns."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def put_in_place(fresh: Path, place: Path) -> None:
    """Move what was made beside its place, and is on the disk, there; so is the move when this returns.

    A file system may write a name before the content: after a power cut it is that of an empty file.
    """
    fresh.rename(place)
    flush_folder(place.parent)


def flush_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
