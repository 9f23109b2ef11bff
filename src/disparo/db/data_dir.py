"""The folder that holds an installation's data: where it is, who may use it, and who runs it now."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from disparo.errors import DisparoError, in_words

#: Where it is kept for the service, and for root.
INSTALLED = Path("/var/lib/disparo")
#: With fewer bytes free around it something has to be done today.
SCARCE_BYTES = 1_000_000_000
#: More than a look at the lock takes (`is_held`).
_LOOK_S = 0.3


class DataDirUnusable(DisparoError):
    """The folder cannot be used; nothing in it was changed."""


class AlreadyRunning(DisparoError):
    """Another Disparo holds this folder."""


def default_data_dir() -> Path:
    """Give $XDG_DATA_HOME/disparo, ~/.local/share/disparo, or what fits root and users without a home."""
    named = os.environ.get("XDG_DATA_HOME")
    if os.geteuid() == 0:
        return INSTALLED
    if named:
        return Path(named) / "disparo"
    home = os.environ.get("HOME")
    if home and os.access(home, os.W_OK | os.X_OK):
        return Path(home) / ".local" / "share" / "disparo"
    return Path(f"/var/tmp/disparo-{os.geteuid()}")  # noqa: S108 - its owner is checked before use


def make_data_dir(path: Path) -> Path:
    """Make the folder, or check one that is there; permissions of what we did not make stay as they are.

    Raises DataDirUnusable.
    """
    path = path.absolute()
    try:
        with _passable():
            path.mkdir(parents=True, exist_ok=True, mode=0o711)
        found = path.stat()
    except OSError as error:
        raise DataDirUnusable(unusable(path, in_words(error))) from error
    if not stat.S_ISDIR(found.st_mode):
        raise DataDirUnusable(unusable(path, "não é uma pasta"))
    if os.geteuid() != 0 and found.st_uid != os.geteuid():
        raise DataDirUnusable(unusable(path, "pertence a outro usuário"))
    if not os.access(path, os.W_OK | os.X_OK):
        raise DataDirUnusable(unusable(path, "não é possível gravar nela"))
    return path


@contextmanager
def _passable() -> Iterator[None]:
    """Let the database's own user pass through the folders that root makes here, whatever root's umask.

    Made so, not changed afterwards: a kill in between would leave folders that no later start changes.
    """
    umask = os.umask(0o077)
    os.umask(umask & ~0o011 if os.geteuid() == 0 else umask)
    try:
        yield
    finally:
        os.umask(umask)


def unusable(path: Path, why: str) -> str:
    """Say why a folder cannot be used."""
    return f"A pasta de dados {path} não pode ser usada: {why}. Escolha outra com --dados PASTA."


def take_lock(path: Path) -> IO[str]:
    """Hold the folder for this process, until the file is closed; raises AlreadyRunning, DataDirUnusable."""
    try:
        file = (path / "lock").open("a+", encoding="ascii")
    except OSError as error:
        raise DataDirUnusable(unusable(path, in_words(error))) from error
    if not _lock(file):
        file.seek(0)
        holder = file.read().strip()
        file.close()
        who = f" (processo {holder})" if holder else ""
        raise AlreadyRunning(
            f"O Disparo já está em execução com a pasta {path}{who}. "
            "Pare-o com Ctrl-C ou escolha outra pasta com --dados PASTA. Nada foi alterado."
        )
    with suppress(OSError):  # a full disk: the file is held all the same, only by whom is not said
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), str(os.getpid()).encode())
    return file


def _lock(file: IO[str]) -> bool:
    """Lock it for us alone; tell whether nobody else holds it. Whoever only looks holds it for a moment."""
    until = time.monotonic() + _LOOK_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
        else:
            return True
        time.sleep(0.005)  # no event tells of the end of a look


def is_held(path: Path) -> bool:
    """Tell whether a process runs on this folder now."""
    with suppress(OSError), (path / "lock").open(encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
