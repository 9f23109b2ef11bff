"""The file of lines that an import did not store: each as it came, with its number and the reason."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from disparo.errors import in_words
from disparo.sources.columns import OF_REFUSED, is_of_refused
from disparo.sources.tables import NotReadable


def check_apart(source: Path, refused: Path | None) -> None:
    """Refuse to write over the file that is read; raises NotReadable."""
    with suppress(OSError):  # either is not there: told where it is opened
        if refused is not None and refused.samefile(source):
            raise NotReadable(f"{refused} é o próprio arquivo importado: dê outro nome às linhas recusadas.")


class RefusedLines:
    """Writes refused lines to `path`, closed with `stack`; without a path nothing is written.

    `headers` and `separator` are those of the file that is read, `source`. Raises NotReadable where `path`
    can't be written.
    """

    def __init__(
        self, stack: ExitStack, path: Path | None, source: Path, headers: Sequence[str], separator: str
    ) -> None:
        self._writer = None
        if path is None:
            return
        try:
            # Whoever may not read the file that the lines come from may not read them here either.
            mode = source.stat().st_mode & 0o666
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            file = os.fdopen(opened, "w", encoding="utf-8-sig", errors="surrogateescape", newline="")
        except OSError as error:
            raise NotReadable(f"O arquivo {path} não pode ser gravado: {in_words(error)}.") from error
        self._path, self._file = path, file
        stack.callback(self._close)
        self._writer = csv.writer(file, delimiter=separator)
        self._width = len(headers) - (len(OF_REFUSED) if is_of_refused(headers) else 0)
        self._writer.writerow([*headers[: self._width], *OF_REFUSED])

    def add(self, number: int, values: Sequence[str], reason: str) -> None:
        """Add line `number` with its fields as they came."""
        if self._writer is not None:
            fields = list(values[: self._width])
            fields += [""] * (self._width - len(fields))
            with self._told_of():
                self._writer.writerow([*fields, number, reason])

    def _close(self) -> None:
        with self._told_of():
            self._file.close()

    @contextmanager
    def _told_of(self) -> Iterator[None]:
        """Name the file where the system refuses to write on: its own error does not."""
        try:
            yield
        except OSError as error:
            error.filename = str(self._path)
            raise
