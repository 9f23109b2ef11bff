"""Files on this machine: who may read them, and is there room."""

from __future__ import annotations

import grp
import os
import shutil
import stat
import time
from math import ceil
from pathlib import Path

from disparo.api.certificate import Certificate, days_left, load
from disparo.cli.examine.finding import Finding, Grade, note, ok, wrong
from disparo.db.data_dir import INSTALLED, SCARCE_BYTES, is_held
from disparo.errors import SettingsInvalid, in_words
from disparo.settings import misspelt
from disparo.wording.words import several

_OTHERS = 0o007
_GROUP_OR_OTHERS_WRITE_OR_READ = 0o066
_SOON_DAYS = 21
_FEW_BYTES = 5_000_000_000
MAKE_ROOM = "Libere espaço ou aumente o disco: cheio, nada mais é aceito (nada se perde)."


def examine_settings_file(path: Path) -> Finding:
    """Look at who may read and change the file with the secrets."""
    subject = f"arquivo {path}"
    try:
        found = path.stat()
    except FileNotFoundError:
        return note(subject, "não existe: valem os padrões e as variáveis DISPARO_*", "sudo disparo instalar")
    except OSError as error:
        return wrong(subject, f"não pode ser lido ({in_words(error)})", "Rode o doctor com sudo.")
    if not os.access(path, os.R_OK):
        return wrong(subject, "não pode ser lido por este usuário", "Rode o doctor com sudo.")
    repair = _repair(path)
    if found.st_mode & _OTHERS:
        return wrong(subject, f"aberto a todos ({stat.filemode(found.st_mode)})", repair)
    if found.st_mode & stat.S_IWGRP:
        return wrong(subject, f"o grupo pode alterá-lo ({stat.filemode(found.st_mode)})", repair)
    return ok(subject, f"fechado a outros ({stat.filemode(found.st_mode)})")


def _repair(path: Path) -> str:
    """Close the file to others where that can be done: what a container has from outside is read-only."""
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        commands = f"sudo chown root:{os.getegid()} {path.name}; sudo chmod 640 {path.name}"
        return f"No computador de onde o arquivo vem (aqui é só de leitura): {commands}"
    if path.stat().st_uid == os.geteuid() and not _is_group("disparo"):
        return f"chmod 600 {path}"  # not installed as a service: one's own file
    return f"sudo chown root:disparo {path}; sudo chmod 640 {path}"


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def examine_environment() -> list[Finding]:
    """Look for variables that set nothing because of their spelling; the service may have others."""
    return [
        note(f"variável {name}", "não é nenhuma configuração e não tem efeito", f"Talvez seja {meant}.")
        for name, meant in misspelt(os.environ).items()
    ]


def examine_pair(certificate: Path | None, key: Path | None) -> list[Finding]:
    """Look at the files that are served with: how long they are good, and whether they belong together."""
    if certificate is None:
        return []
    found = examine_certificate(certificate)
    if key is None or found.grade is Grade.WRONG:
        return [found]
    try:
        load(Certificate(certificate, key))
    except SettingsInvalid as error:
        remedy = "Corrija os arquivos, ou rode com sudo; até reiniciar valem os anteriores."
        return [found, wrong(f"chave {key}", str(error), remedy)]
    return [found]


def examine_certificate(path: Path) -> Finding:
    """Look at how long the certificate that is served with is still good."""
    subject, remedy = f"certificado {path}", "Renove-o: o Disparo passa a usá-lo em segundos."
    try:
        days = days_left(path)
    except (OSError, ValueError) as error:
        said = in_words(error) if isinstance(error, OSError) else "não é um certificado em PEM"
        return wrong(subject, f"não pode ser lido ({said})", "Confira tls_certificate, ou rode com sudo.")
    if days < 0:
        return wrong(subject, f"venceu há {several(ceil(-days), 'dia', 'dias')}: quem chama o recusa", remedy)
    if days < _SOON_DAYS:
        return note(subject, f"vence em {several(ceil(days), 'dia', 'dias')}", remedy)
    return ok(subject, f"vale por mais {int(days)} dias")


def examine_data_dir(path: Path) -> list[Finding]:
    """Look at the folder with the private database, its password and the room around it."""
    if not path.exists():
        return [note(f"pasta {path}", "ainda não existe", "É criada no primeiro início.")]
    if not os.access(path, os.X_OK):
        return [wrong(f"pasta {path}", "não pode ser lida por este usuário", "Rode o doctor com sudo.")]
    found = [_closed(path), *_secrets(path), *_owners(path)]
    return [*found, judge_room(path, shutil.disk_usage(path).free)]


def _closed(path: Path) -> Finding:
    folder, cluster = path.stat(), path / "postgres"
    mode = folder.st_mode
    # Where root runs it 0711 is right: the database's own user has to pass through.
    if not mode & stat.S_IXOTH and folder.st_uid == 0 and cluster.exists() and cluster.stat().st_uid != 0:
        said = f"fechada também para o usuário do banco ({stat.filemode(mode)})"
        return wrong(f"pasta {path}", said, f"sudo chmod go=x {path}")
    if mode & _GROUP_OR_OTHERS_WRITE_OR_READ:
        return wrong(f"pasta {path}", f"aberta ({stat.filemode(mode)})", f"sudo chmod go-rw {path}")
    return ok(f"pasta {path}", f"fechada ({stat.filemode(mode)})")


def _secrets(path: Path) -> list[Finding]:
    open_ones = [
        found
        for name in ("database.secret", "simulador.secret", "tls.key", "postgres")
        if (found := path / name).exists() and found.stat().st_mode & 0o077
    ]
    return [
        wrong(
            f"arquivo {found}", f"aberto ({stat.filemode(found.stat().st_mode)})", f"sudo chmod go= {found}"
        )
        for found in open_ones
    ]


def _owners(path: Path) -> list[Finding]:
    """Look for what somebody else copied in, as root does: its user cannot start the database then."""
    owner = path.stat().st_uid
    if owner == 0 and path == INSTALLED and _is_group("disparo") and not is_held(path):
        remedy = f"sudo chown -R disparo:disparo {path}"
        return [wrong(f"pasta {path}", "é do root, e o serviço, que roda como disparo, não inicia", remedy)]
    if owner == 0:  # where root runs it, the database has a user of its own
        return []
    others = [
        found
        for name in ("database.secret", "lock", "postgres")
        if (found := path / name).exists() and found.stat().st_uid != owner
    ]
    if not others:
        return []
    text = f"é de outro usuário que a pasta {path}: o Disparo não inicia"
    return [wrong(f"arquivo {others[0]}", text, f"sudo chown -R --reference={path} {path}")]


def examine_copies(path: Path, keep_text_days: int) -> list[Finding]:
    """Look for copies made before upgrades that hold what the database has deleted meanwhile."""
    if not keep_text_days:
        return []
    until = time.time() - keep_text_days * 86_400
    try:
        old = [file for file in (path / "backups").glob("*.dump") if file.stat().st_mtime < until]
    except OSError:  # closed to whoever looks
        return []
    if not old:
        return []
    text = (
        f"{several(len(old), 'cópia', 'cópias')} de antes de atualizações com mais de {keep_text_days} dias, "
        "em que pode estar o que o banco já apagou (LGPD)"
    )
    return [note("cópias antigas", text, f"Apague o que não serve mais: sudo ls -l {path / 'backups'}")]


def judge_room(path: Path, free: float) -> Finding:
    """Say what so many free bytes mean."""
    text = f"{free / 1e9:.1f} GB livres em {path}".replace(".", ",", 1)
    if free < SCARCE_BYTES:
        return wrong("espaço em disco", text, MAKE_ROOM)
    return note("espaço em disco", text, MAKE_ROOM) if free < _FEW_BYTES else ok("espaço em disco", text)
