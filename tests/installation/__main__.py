"""`./dev instalacao`: the installation document typed into a clean Debian 12, as its reader would.

A root file system is made with debootstrap; an ordinary user in it types the blocks of docs/pt-BR/instalar.md and
docs/pt-BR/atualizar.md as they stand. Only systemd cannot run there: a stand-in runs the unit's ExecStart line.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support import portuguese
from tests.support.documents import ROOT, commands_under

INSTALL = ROOT / "docs" / "pt-BR" / "instalar.md"
UPGRADE = ROOT / "docs" / "pt-BR" / "atualizar.md"
PERSON = "ana"


def main() -> int:
    portuguese.speak()
    parser = argparse.ArgumentParser(prog="./dev instalacao", description=__doc__)
    parser.add_argument("--manter", action="store_true", help="não apaga a pasta no fim")
    options = parser.parse_args()
    debootstrap = shutil.which("debootstrap", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if debootstrap is None or os.geteuid() != 0:
        print("SEM debootstrap ou sem root: a instalação limpa NÃO foi testada.", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="disparo-debian-"))
    folder.chmod(0o755)
    machine = Machine(folder / "root", debootstrap)
    try:
        machine.make()
        for name, steps in (("A", route_a), ("B", route_b), ("atualizar", upgrade_and_back)):
            began = time.monotonic()
            steps(machine)
            print(f"== {name}: certo ({time.monotonic() - began:.0f} s)", flush=True)
    finally:
        machine.end()
        if options.manter:
            print(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


class Machine:
    """A Debian 12 in a folder, with one person who may use sudo."""

    def __init__(self, root: Path, debootstrap: str) -> None:
        self.root = root
        self._debootstrap = debootstrap

    def make(self) -> None:
        command = [
            self._debootstrap,
            "--variant=minbase",
            "--include=ca-certificates,sudo",
            "bookworm",
            self.root,
        ]
        subprocess.run([*command, *_mirror()], check=True, stdout=subprocess.DEVNULL)
        # How this machine reaches its package sources; nothing else of it goes in.
        for path in ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"):
            shutil.copyfile(path, self.root / path[1:])
        (self.root / "etc/pip.conf").write_text("[global]\n" + "".join(_pip_settings()))
        home = self.root / "home" / PERSON
        subprocess.run(
            ["chroot", self.root, "useradd", "--create-home", "--shell", "/bin/bash", PERSON], check=True
        )
        (self.root / "etc/sudoers.d/ana").write_text(f"{PERSON} ALL=(ALL) NOPASSWD: ALL\n")
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", home]
        subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        stand_in = self.root / "usr/local/bin/systemctl"
        shutil.copyfile(ROOT / "tests/installation/systemctl.sh", stand_in)
        stand_in.chmod(0o755)

    def type(self, commands: str) -> str:
        """Run lines in a login shell of the person's home; the first that fails ends it."""
        inner = (
            f"mount -t proc proc {self.root}/proc && mount --rbind /dev {self.root}/dev && "
            f'exec chroot {self.root} su - {PERSON} -c "$1"'
        )
        script = f"set -eu\n{commands}"
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", inner, "sh", script],
            env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "DEBIAN_FRONTEND": "noninteractive",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{commands}\n---\n{done.stdout}\n--- falhou com {done.returncode}")
        return done.stdout

    def end(self) -> None:
        """End a service that a failed step has left."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.root / "run/disparo.pid").read_text()), signal.SIGTERM)
            time.sleep(5)  # for it to end


def _mirror() -> list[str]:
    """Where this Debian fetches from, if it is one; debootstrap's own choice elsewhere."""
    wanted = [
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI) $(CODENAME) $(LABEL)",
        "Created-By: Packages",
    ]
    found = subprocess.run(wanted, capture_output=True, text=True, check=False).stdout
    return [line.split()[0] for line in found.splitlines() if line.endswith(" bookworm Debian")][:1]


def _pip_settings() -> list[str]:
    listed = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    kept = re.findall(r"(?m)^[\w:]+\.(index-url|trusted-host|proxy)='(.*)'$", listed)
    return [f"{name} = {value}\n" for name, value in kept] + ["cert = /etc/ssl/certs/ca-certificates.crt\n"]


def route_a(machine: Machine) -> None:
    said = machine.type(commands_under(INSTALL, "A. ") + commands_under(INSTALL, "Deixar a sua revenda"))
    _expect(
        said,
        "Entregues ao aparelho: 3 de 3.",
        "comtele: ",
        "POST https://sms.comtele.com.br/",
        "envio real desligado)",
    )


def route_b(machine: Machine) -> None:
    said = machine.type(commands_under(INSTALL, "B. "))
    _expect(said, "Simulação: nada foi alterado.", "workers: 2 em atividade", "Tudo em ordem.")
    _expect(said, "Usuário criado: ana@provedor.com.br", "client_secret (mostrado só agora): ")
    data = machine.root / "var/lib/disparo"
    assert data.stat().st_mode & 0o777 == 0o700
    owners = {path.lstat().st_uid for path in [data, *data.rglob("*")]}
    assert owners == {data.stat().st_uid}, owners
    assert 0 not in owners
    for path in (machine.root / "etc/disparo").iterdir():
        assert path.stat().st_uid == 0
    journal = (machine.root / "var/log/disparo-unit.log").read_text()
    assert "client_secret" not in journal


def upgrade_and_back(machine: Machine) -> None:
    (wheel,) = (machine.root / "home" / PERSON).glob("disparo-*.whl")

    def of_today(text: str) -> str:
        return re.sub(r"disparo-(NOVA|ANTERIOR)-py3-none-any\.whl", wheel.name, text)

    said = machine.type(of_today(commands_under(UPGRADE, "Atualizar")))
    _expect(said, "Backup gravado em /var/lib/disparo/antes.dump", "mantido: é seu", "Tudo em ordem.")
    # As an upgrade that had migrated would have left it.
    copies = "/var/lib/disparo/backups"
    machine.type(
        f"sudo install -d -o disparo -m 700 {copies}\n"
        f"sudo install -o disparo -m 600 /var/lib/disparo/antes.dump {copies}/antes-da-NNNN-em-DATA.dump"
    )
    said = machine.type(of_today(commands_under(UPGRADE, "Voltar atrás")))
    _expect(said, "Backup restaurado.")
    said = machine.type(
        "sudo -u disparo disparo usuario listar; sudo -u disparo disparo retomar; sudo systemctl stop disparo"
    )
    _expect(said, "ana@provedor.com.br")


def _expect(said: str, *wanted: str) -> None:
    for text in wanted:
        if text not in said:
            raise SystemExit(f"{said}\n--- falta: {text}")


if __name__ == "__main__":
    sys.exit(main())
