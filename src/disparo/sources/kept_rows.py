"""Rows that were costly to read, on disk until they are read again."""

from __future__ import annotations

import itertools
import marshal
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

Row = tuple[int, list[str]]
_AT_ONCE = 500
_SIZE_BYTES = 4


class KeptRows:
    """The rows of one table. `is_whole`: all of them are here; never, where the disk has no room for them."""

    def __init__(self) -> None:
        self.is_whole = False
        self._file: IO[bytes] | None = None

    def keeping(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on, and keep them; what is left in the middle is not whole."""
        rows = iter(rows)
        self.close()
        has_room = True
        while some := list(itertools.islice(rows, _AT_ONCE)):
            has_room = has_room and self._write(some)
            yield from some
        self.is_whole = has_room and self._file is not None

    def __iter__(self) -> Iterator[Row]:
        """Give them again."""
        assert self._file is not None  # noqa: S101 - for the type checker: they are whole
        self._file.seek(0)
        while size := self._file.read(_SIZE_BYTES):
            yield from marshal.loads(self._file.read(int.from_bytes(size)))  # noqa: S302 - our own file

    def close(self) -> None:
        """Forget them."""
        self.is_whole = False
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, rows: list[Row]) -> bool:
        written = marshal.dumps(rows)
        try:
            self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - see `close`
            self._file.write(len(written).to_bytes(_SIZE_BYTES))
            self._file.write(written)
            self._file.flush()
        except OSError:
            return False
        return True
