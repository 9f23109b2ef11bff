"""What is known of an outage, kept beside the data: the next start goes on from there.

Marks are empty files, which a full disk still takes; without a folder to keep them in nobody is told.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

#: A restart of the database, or of the machine it is on, takes less; nobody need be told of it.
SILENT_S = 120.0


class Outage:
    """The marks of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._told = data_dir / "aviso-de-parada"
        self._failing = data_dir / "inicio-que-falha"

    @property
    def is_told(self) -> bool:
        """Whether people were told that it does not work, and not yet that it does."""
        return self._told.exists()

    def note_told(self, *, is_told: bool) -> bool:
        """Keep that for the next start; tells whether it is kept."""
        _mark(self._told, is_set=is_told)
        return self.is_told is is_told

    def note_up(self) -> None:
        """A start went well."""
        _mark(self._failing, is_set=False)

    def fails_for_s(self) -> float:
        """Note a start that failed; gives how long all of them do, 0 where that is not known."""
        try:
            passed = time.time() - self._failing.stat().st_mtime
        except OSError:
            passed = -1.0
        if passed < 0:  # the first, or the clock was set back
            self.begin_anew()
        return max(0.0, passed)

    def begin_anew(self) -> None:
        """Count from now."""
        _mark(self._failing, is_set=False)
        _mark(self._failing, is_set=True)


def _mark(file: Path, *, is_set: bool) -> None:
    with suppress(OSError):
        file.touch(mode=0o600) if is_set else file.unlink(missing_ok=True)
