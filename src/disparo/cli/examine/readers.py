"""What the service may read: root, as whom the doctor is run, reads everything."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from disparo.cli.examine.finding import Finding, wrong
from disparo.settings import Settings


def examine_readers(settings: Settings, settings_path: Path, data_dir: Path) -> list[Finding]:
    """Look for files that root can read and the owner of the data, as whom the service runs, cannot."""
    user = _service_user(data_dir)
    if user is None:
        return []
    named = (settings_path, settings.tls_certificate, settings.tls_key, *_named_in(settings.platforms))
    files = dict.fromkeys(path.absolute() for path in named if path is not None and path.is_file())
    return [_closed(path, user) for path in files if not _may("-r", path, user)]


def _service_user(data_dir: Path) -> pwd.struct_passwd | None:
    if os.geteuid() != 0 or not data_dir.exists() or (owner := data_dir.stat().st_uid) == 0:
        return None
    try:
        user = pwd.getpwuid(owner)
        grp.getgrgid(user.pw_gid)
    except KeyError:  # a number from another machine
        return None
    return user


def _named_in(value: object, key: str = "") -> Iterator[Path]:
    """Give the files that hold secrets of platforms, and those that say which certificates are believed."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _named_in(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_in(inner, key)
    elif isinstance(value, str) and (key == "ca_file" or value.startswith("file:")):
        yield Path(value.removeprefix("file:"))


def _closed(path: Path, user: pwd.struct_passwd) -> Finding:
    said = f"o serviço, que roda como {user.pw_name}, não pode lê-lo"
    group = grp.getgrgid(user.pw_gid).gr_name
    if _may("-x", path.parent, user):
        return wrong(f"arquivo {path}", said, f"sudo chgrp {group} {path}; sudo chmod 640 {path}")
    remedy = (
        f"sudo install -m 640 -g {group} {path} /etc/disparo/ o copia; na configuração, aponte para a cópia."
    )
    return wrong(f"arquivo {path}", f"{said}: uma pasta acima dele é fechada", remedy)


def _may(how: str, path: Path, user: pwd.struct_passwd) -> bool:
    """Ask the system, which knows of ACLs too."""
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    try:
        asked = subprocess.run(
            ["test", how, path], user=user.pw_uid, group=user.pw_gid, extra_groups=groups, check=False
        )
    except (OSError, subprocess.SubprocessError):  # root of a container that may not be another user
        return True
    return asked.returncode == 0
