"""Files that we write for the administrator, and never over anything of theirs."""

from __future__ import annotations

import hashlib
import os
import pwd
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from disparo.durable import put_in_place, write_new

_MARK = "# disparo instalar "


class Did(StrEnum):
    """What became of one file or folder; values are printed."""

    MADE = "criado"
    RENEWED = "atualizado"
    SAME = "já está assim"
    KEPT = "mantido: é seu"


@dataclass(frozen=True, slots=True)
class Root:
    """Where everything goes: `/`, or a folder that stands for it; `dry`: nowhere."""

    path: Path
    dry: bool

    def at(self, path: str) -> Path:
        """Give the place of an absolute path."""
        return self.path / path.lstrip("/")

    def owner(self, name: str) -> tuple[int, int] | None:
        """Give uid and gid of a user of that root; None where there is no such user (yet)."""
        if name == "root":
            return 0, 0
        if self.path == Path("/"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                return None
            return entry.pw_uid, entry.pw_gid
        try:
            lines = self.at("/etc/passwd").read_text(encoding="utf-8").splitlines()
        except OSError:
            return None
        found = [line.split(":") for line in lines if line.startswith(f"{name}:")]
        return (int(found[0][2]), int(found[0][3])) if found else None


def make_folder(root: Root, path: str, mode: int, *, owner: str, group: str) -> Did:
    """Make a folder of this mode and these owners; one that is there gets both."""
    place = root.at(path)
    did = Did.SAME if place.is_dir() else Did.MADE
    if not root.dry:
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(mode)
        _give(root, place, owner, group)
    return did


def write_once(root: Root, path: str, text: str, mode: int, *, group: str) -> Did:
    """Write a file that belongs to the administrator from then on."""
    place = root.at(path)
    if place.exists():
        return Did.KEPT
    if not root.dry:
        _write(root, place, text, mode, group)
    return Did.MADE


def write_ours(root: Root, path: str, text: str) -> Did:
    """Write a file of ours, and renew it later unless somebody has changed it: then `.novo` beside it."""
    place, sealed = root.at(path), _sealed(text)
    if not place.exists():
        did = Did.MADE
    elif (current := place.read_text(encoding="utf-8", errors="replace")) == sealed:
        return Did.SAME
    elif _is_unchanged(current):
        did = Did.RENEWED
    else:
        place, did = place.with_name(place.name + ".novo"), Did.KEPT
    if not root.dry:
        _write(root, place, sealed, 0o644, "root")
    return did


def _sealed(text: str) -> str:
    seal = hashlib.sha256(text.encode()).hexdigest()[:16]
    return (
        f"{_MARK}{seal}: mude num arquivo à parte (systemctl edit), ou este deixa de ser atualizado\n{text}"
    )


def _is_unchanged(current: str) -> bool:
    head, _, text = current.partition("\n")
    return head.startswith(_MARK) and _sealed(text).partition("\n")[0] == head


def _write(root: Root, place: Path, text: str, mode: int, group: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.disparo")
    write_new(fresh, text, mode)
    fresh.chmod(mode)  # whatever the umask
    _give(root, fresh, "root", group)
    put_in_place(fresh, place)


def _give(root: Root, place: Path, owner: str, group: str) -> None:
    user, grouped = root.owner(owner), root.owner(group)
    if os.geteuid() == 0 and user is not None and grouped is not None:
        os.chown(place, user[0], grouped[1])
