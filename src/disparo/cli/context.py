"""What commands share: where the database is, and a connection to it."""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, TypeVar

import structlog
import typer

from disparo.cli.spoken_log import speak
from disparo.cli.upgrade import is_older, prepare_with_backup
from disparo.db.cluster import refuse_where_taken_away
from disparo.db.data_dir import default_data_dir, is_held
from disparo.db.embedded import running
from disparo.db.pool import TRANSIENT, Connection, connected
from disparo.errors import DatabaseUnavailable, SettingsInvalid
from disparo.settings import Settings, load_settings, misspelt

log = structlog.get_logger(__name__)

#: How long a starting process waits for a database that does not answer.
_PATIENCE_S = 10.0
#: What the kernel has as a login where there was none.
_NOBODY = 2**32 - 1
T = TypeVar("T")


def _folder(typed: str) -> Path:
    """An empty one is a variable that is not set, not the folder one happens to be in."""
    if not typed:
        raise typer.BadParameter("está vazio")
    return Path(typed)


DataDir = Annotated[
    Path | None,
    typer.Option("--dados", metavar="PASTA", parser=_folder, help="Pasta dos dados do banco próprio."),
]


def log_misspelt() -> None:
    """Say which variables set nothing because of their spelling; never what is in them."""
    for name, meant in misspelt(os.environ).items():
        log.warning("variable_sets_nothing", name=name, meant=meant)


def data_dir_of(settings: Settings) -> Path:
    """Give the folder of the private database: as set, else the usual place."""
    return settings.data_dir or default_data_dir()


@contextmanager
def database(dados: Path | None, *, may_begin: bool = False, changes_none: bool = False) -> Iterator[str]:
    """Give the address of the database that a command is for; see `opened`."""
    settings = load_settings(data_dir=dados)
    if dados is not None and settings.database_url is not None:
        # Whichever it took, for somebody it would be the other one.
        raise SettingsInvalid(
            "--dados é a pasta de um banco próprio, e a configuração aponta outro banco (database_url). "
            "Para o da configuração, rode sem --dados; para o da pasta: "
            f"DISPARO_DATABASE_URL= disparo ... --dados {dados}. Nada foi alterado."
        )
    with opened(dados, may_begin=may_begin, changes_none=changes_none) as dsn:
        yield dsn


@contextmanager
def opened(dados: Path | None, *, may_begin: bool, changes_none: bool = False) -> Iterator[str]:
    """Give the database's address: one's own server, or the private one, started if it is not running.

    One that is not there is made for a command that `may_begin` one; of any other the folder is a mistake. A
    command that `changes_none` of the tables serves an older version that is running too.
    """
    settings = load_settings(data_dir=dados)
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    data_dir = data_dir_of(settings)
    refuse_on_anothers(data_dir)
    in_use = is_held(data_dir)
    if not (in_use or may_begin):
        _refuse_where_none(data_dir)
    with running(data_dir) as dsn:
        if in_use and not changes_none:
            asyncio.run(_refuse_to_upgrade(dsn))
        yield dsn


def _refuse_where_none(data_dir: Path) -> None:
    """An empty one made there would have nothing to list, revoke or copy, and the command would seem done."""
    try:
        (data_dir / "postgres").stat()
    except FileNotFoundError:
        refuse_where_taken_away(data_dir)
        raise DatabaseUnavailable(
            f"Não há banco do Disparo em {data_dir}. Confira --dados (ou data_dir). Nada foi alterado."
        ) from None
    except OSError:  # closed to us, or no folder: said in words by whoever opens it
        return


def refuse_on_anothers(data_dir: Path, *, as_service: bool = False) -> None:
    """Send whoever does not own the folder to its owner: its passwords are closed to them.

    Root may read those of a database that runs; one that it started itself would leave files of its own. A
    service cannot choose who it is: the folder has to become its user's.
    """
    try:
        owner = data_dir.stat().st_uid
    except OSError:  # not there yet, or said in words by whoever makes it
        return
    is_root = os.geteuid() == 0
    if owner == os.geteuid() or (is_root and is_held(data_dir)):
        return
    name, for_sudo = _names_of(owner)
    if as_service:
        ours, _ = _names_of(os.geteuid())
        raise DatabaseUnavailable(
            f"A pasta {data_dir} é do usuário {name}, e este serviço roda como {ours}: não inicia. "
            f"Corrija o dono: sudo chown -R {ours}: {data_dir}. Nada foi alterado."
        )
    raise DatabaseUnavailable(
        f"A pasta {data_dir} é do usuário {name}{', e o Disparo não está em execução' if is_root else ''}. "
        f"Rode como ele: sudo -u {for_sudo} disparo ... Nada foi alterado."
    )


def _names_of(uid: int) -> tuple[str, str]:
    """Give a user's name as it is read, and as sudo takes it."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # one without a name: of a container, or removed
        return str(uid), f"'#{uid}'"
    return name, name


def with_connection(
    dados: Path | None, work: Callable[[Connection], Awaitable[T]], *, may_begin: bool = False
) -> T:
    """Do `work` in one transaction on a database that is ready for this version; see `opened`."""

    async def main(dsn: str) -> T:
        await prepare_for_command(load_settings(data_dir=dados), dsn)
        async with connected(dsn) as connection, connection.transaction():
            return await work(connection)

    with database(dados, may_begin=may_begin) as dsn:
        return asyncio.run(main(dsn))


async def prepare_for_command(settings: Settings, dsn: str) -> None:
    """Prepare the database, after a copy where it is of an older version; not while that one is running."""
    speak()
    await prepare_with_backup(settings, dsn)


async def _refuse_to_upgrade(dsn: str) -> None:
    """Keep a new version's command from changing the tables under an old one that is running."""
    async with connected(dsn) as connection:
        if await is_older(connection):
            raise DatabaseUnavailable(
                "O Disparo em execução é de uma versão anterior. Reinicie-o primeiro: "
                "sudo systemctl restart disparo. Nada foi alterado."
            )


async def prepare_patiently(settings: Settings, dsn: str, *, may_upgrade: bool) -> bool:
    """Prepare the database; one that is just being restarted is waited for. Raises DatabaseUnavailable.

    Not `may_upgrade`: whoever started this process has prepared it. If it is older, the program was exchanged
    since, and others still run that know no newer tables.
    """
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            if not may_upgrade:
                await _refuse_to_upgrade(dsn)
            return await prepare_with_backup(settings, dsn)
        except (DatabaseUnavailable, *TRANSIENT) as error:
            if time.monotonic() >= until:
                if isinstance(error, DatabaseUnavailable):
                    raise
                raise DatabaseUnavailable(
                    f"O banco de dados não responde ({type(error).__name__})."
                ) from error
            log.warning("waits_for_database", error=type(error).__name__)
            await asyncio.sleep(0.5)


def actor() -> str:
    """Name the person at this command line for events and the audit log, also behind sudo or su."""
    for uid in (_logged_in, _before_sudo, os.getuid):
        with suppress(KeyError, OSError, ValueError):
            return f"cli:{pwd.getpwuid(uid()).pw_name}"
    return "cli"


def _logged_in() -> int:
    """Give whoever logged in, as the kernel has it (pam_loginuid(8)); raises ValueError where nobody did."""
    uid = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    if uid == _NOBODY:
        raise ValueError
    return uid


def _before_sudo() -> int:
    return pwd.getpwnam(os.environ["SUDO_USER"]).pw_uid
