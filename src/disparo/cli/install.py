"""`disparo instalar`: a service of this machine (Debian, Ubuntu), again and again if need be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from disparo.cli.installation.settings_file import settings_text
from disparo.cli.installation.writing import Did, Root, make_folder, write_once, write_ours
from disparo.db.data_dir import INSTALLED
from disparo.errors import DisparoError

_USER = "disparo"
_UNITS = ("disparo.service", "disparo-server.service", "disparo-worker@.service")


class CannotInstall(DisparoError):
    """This machine or this place will not do; nothing was changed."""


def install(
    raiz: Annotated[
        Path, typer.Option("--raiz", metavar="PASTA", help="Instala dentro desta pasta, como se fosse /.")
    ] = Path("/"),
    simular: Annotated[bool, typer.Option("--simular", help="Mostra o que faria; não altera nada.")] = False,
) -> None:
    """Instala como serviço: usuário, /etc/disparo, /var/lib/disparo e unidades do systemd."""
    root = Root(raiz.absolute(), dry=simular)
    program = _program(root)
    if os.geteuid() != 0 and not simular and root.path == Path("/"):
        raise CannotInstall("Instalar pede root: sudo disparo instalar. Veja antes com --simular.")
    print(f"{'usuário ' + _USER:45} {_make_user(root)}")
    for path, did in _write_all(root, program):
        print(f"{path:45} {did}")
    if simular:
        print("\nSimulação: nada foi alterado.")
        return
    _reload(root)
    print(_NEXT)


def _write_all(root: Root, program: Path) -> Iterator[tuple[str, Did]]:
    yield "/etc/disparo", make_folder(root, "/etc/disparo", 0o750, owner="root", group=_USER)
    text = settings_text(INSTALLED)
    own = "/etc/disparo/disparo.toml"
    yield own, write_once(root, own, text, 0o640, group=_USER)
    example = "/etc/disparo/disparo.toml.exemplo"
    yield example, write_ours(root, example, text)
    yield str(INSTALLED), make_folder(root, str(INSTALLED), 0o700, owner=_USER, group=_USER)
    common = _read("common.conf")
    for unit in _UNITS:
        path = f"/etc/systemd/system/{unit}"
        body = _read(unit).replace("@PROGRAM@", str(program)).replace("@COMMON@", common)
        yield path, write_ours(root, path, body)
    journal = "/etc/systemd/journald@disparo.conf"
    yield journal, write_ours(root, journal, _read("journald@disparo.conf"))
    yield "/usr/local/bin/disparo", _link(root, program)


def _read(name: str) -> str:
    return (files("disparo.cli.installation") / "systemd" / name).read_text(encoding="utf-8")


def _program(root: Root) -> Path:
    """Find the program that the units start; it has to be where the user can reach it."""
    found = Path(sys.prefix) / "bin" / "disparo"
    if not found.exists():
        raise CannotInstall(f"Não encontrei {found}: instale o Disparo num ambiente seu, como /opt/disparo.")
    closed = [folder for folder in found.parents if not folder.stat().st_mode & 0o001]
    if closed and root.path == Path("/"):
        raise CannotInstall(
            f"O usuário {_USER} não alcança {found}: a pasta {closed[0]} é fechada. "
            "Instale o programa em /opt/disparo: veja docs/pt-BR/instalar.md. Nada foi alterado."
        )
    return found


def _make_user(root: Root) -> Did:
    if root.owner(_USER) is not None:
        return Did.SAME
    if root.dry:
        return Did.MADE
    write_ours(root, "/etc/sysusers.d/disparo.conf", _read("sysusers.conf"))
    sysusers, useradd = shutil.which("systemd-sysusers"), shutil.which("useradd")
    if sysusers is not None:
        command = [sysusers, f"--root={root.path}", str(root.at("/etc/sysusers.d/disparo.conf"))]
    elif useradd is not None:
        command = [
            useradd,
            "--system",
            "--user-group",
            "--home-dir",
            str(INSTALLED),
            "--shell",
            "/usr/sbin/nologin",
        ]
        command += [*([] if root.path == Path("/") else ["--prefix", str(root.path)]), _USER]
    else:
        raise CannotInstall("Sem systemd-sysusers e sem useradd não é possível criar o usuário disparo.")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or root.owner(_USER) is None:
        raise CannotInstall(f"Não foi possível criar o usuário {_USER}: {done.stderr.strip()}")
    return Did.MADE


def _link(root: Root, program: Path) -> Did:
    place = root.at("/usr/local/bin/disparo")
    if place.is_symlink() and place.readlink() == program:
        return Did.SAME
    if place.exists() and not place.is_symlink():
        return Did.KEPT
    did = Did.RENEWED if place.is_symlink() else Did.MADE
    if not root.dry:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(program)
    return did


def _reload(root: Root) -> None:
    if root.path == Path("/") and Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "daemon-reload"], check=False)


_NEXT = """
Pronto. Agora:
  1. sudo nano /etc/disparo/disparo.toml           (marca, public_url, plataforma)
  2. sudo systemctl enable --now disparo
  3. sudo disparo doctor
  4. sudo -u disparo disparo usuario criar ana@provedor.com.br --tudo
     sudo -u disparo disparo cliente-api criar "nome do sistema"
Os registros: journalctl --namespace=disparo -f"""
