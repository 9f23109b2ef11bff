"""Before a new version changes the database: a copy of it, beside the data, closed to others."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from disparo.db.data_dir import default_data_dir
from disparo.db.migrate import HEAD, current_version, revisions, wait_for_turn
from disparo.db.pool import Connection, connected
from disparo.db.postgres_binaries import DatabaseBinariesMissing, client_program, reason_of
from disparo.db.tls_relay import reaching
from disparo.dispatch.prepare import prepare
from disparo.durable import put_in_place
from disparo.errors import DatabaseUnavailable, DisparoError, in_words
from disparo.settings import Settings

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 0.2
#: A process that has ended leaves its connections behind for a moment.
_LEAVING_S = 3.0
_SERVED_FROM = """
SELECT DISTINCT coalesce(host(client_addr), 'máquina do banco') AS place FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'disparo-%'
  AND application_name NOT IN ('disparo-cli', 'disparo-sync') ORDER BY place"""
#: A copy of the last minutes is that of a process that starts beside this one.
_FRESH_S = 600.0


async def prepare_with_backup(settings: Settings, dsn: str) -> bool:
    """Prepare the database for this version, after a copy if it is of an older one; see `prepare`.

    One's own server that pg_dump cannot copy is only told of: its administrator has a backup of their own.
    Raises DatabaseUnavailable where servers or workers of the older version are still connected.
    """
    async with connected(dsn) as connection:
        if await is_older(connection):
            # Processes that start together make one copy, not one each.
            await wait_for_turn(connection)
            if await is_older(connection):  # so whoever serves it knows no newer tables
                await _wait_until_alone(connection)
                if settings.upgrade_backup:
                    await _copy(settings, dsn)
    ours = await prepare(dsn)
    if not ours:
        log.warning("database_is_a_copy_and_held")
    return ours


async def is_older(connection: Connection) -> bool:
    """Tell whether an earlier version of the program made this database."""
    version = await current_version(connection)
    return version is not None and version != HEAD and version in revisions()


async def _wait_until_alone(connection: Connection) -> None:
    """Give those that have just been stopped a moment; raises DatabaseUnavailable where some go on."""
    until = time.monotonic() + _LEAVING_S
    while rows := await connection.fetch(_SERVED_FROM):
        if time.monotonic() > until:
            raise DatabaseUnavailable(
                "Servidores ou workers do Disparo de uma versão anterior ainda usam este banco de dados "
                f"(conexões de: {', '.join(row['place'] for row in rows)}), e ele não é atualizado sob eles. "
                "Pare todos, em todas as máquinas, e inicie de novo. Nada foi alterado."
            )
        await asyncio.sleep(_LOOK_EVERY_S)


async def _copy(settings: Settings, dsn: str) -> None:
    folder = (settings.data_dir or default_data_dir()) / "backups"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _as_above(folder, folder)
        if any(_is_fresh(file) for file in folder.glob(f"antes-da-{HEAD}-*.dump")):
            return
        # A name that a line of the log may show: ten digits in a row might be a phone.
        file = folder / f"antes-da-{HEAD}-em-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"
        for left in folder.glob("*.dump.parcial"):  # of a start that was killed
            left.unlink(missing_ok=True)
        await _dumped(dsn, file)
        _as_above(folder, file)
    except (DisparoError, OSError) as error:
        _without_backup(settings, error)
    else:
        log.warning("database_is_copied_before_the_upgrade", file=str(file), to=HEAD)


async def _dumped(dsn: str, file: Path) -> None:
    """Write it in a thread, which gives it up where we are cancelled: a program ends when its threads do."""
    given_up = threading.Event()
    try:
        await asyncio.to_thread(write_dump, dsn, file, given_up)
    finally:
        given_up.set()


def _as_above(folder: Path, made: Path) -> None:
    """Give what root made to whoever the data are: the service has to write here at its next upgrade."""
    if os.geteuid() == 0:
        owner = folder.parent.stat()
        # Not what a link there leads to: the service could have root give it anything.
        os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _is_fresh(file: Path) -> bool:
    """Not one of a time to come either: a clock that was wrong made it."""
    return 0 <= time.time() - file.stat().st_mtime < _FRESH_S


def _without_backup(settings: Settings, error: Exception) -> None:
    if settings.database_url is None and not isinstance(error, DatabaseBinariesMissing):
        raise DatabaseUnavailable(
            f"O backup antes da atualização falhou ({error}). Nada foi alterado: libere espaço e inicie de "
            "novo, ou, com um backup seu, use DISPARO_UPGRADE_BACKUP=no."
        ) from error
    log.warning("database_is_upgraded_without_a_copy", why=str(error))


def write_dump(dsn: str, file: Path, given_up: threading.Event | None = None) -> None:
    """Copy the whole database into a new file, created by us, closed to others; not when it is given up."""
    part = file.with_name(file.name + ".parcial")
    try:
        # A file of our own in any case: the pg_dump of a backup that was killed may still write into it.
        part.unlink(missing_ok=True)
        opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise DisparoError(f"Não foi possível gravar {file}: {in_words(error)}.") from error
    try:
        with reaching(dsn) as environment:
            _dump(environment, opened, given_up or threading.Event())
        _put_in_place(part, file, opened)
    except BaseException:  # half a copy is of no use, and would take the room that the database needs
        if _is_still(part, opened):
            part.unlink(missing_ok=True)
        raise
    finally:
        os.close(opened)


def _put_in_place(part: Path, file: Path, opened: int) -> None:
    os.fsync(opened)
    if not _is_still(part, opened):
        raise DisparoError(f"Outro backup começou a gravar {file}: este foi deixado de lado.")
    put_in_place(part, file)


def _is_still(part: Path, opened: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(part.stat(), os.fstat(opened))
    return False


def _dump(environment: dict[str, str], opened: int, given_up: threading.Event) -> None:
    """Copy the database into an open file, whoever has its name by now; pg_dump appends to its own output."""
    wanted = [
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        "--no-sync",
        f"--file=/proc/self/fd/{opened}",
    ]
    dump = subprocess.Popen(
        [client_program("pg_dump"), *wanted],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=(opened,),
    )
    try:
        said = _said_by(dump, given_up)
    except BaseException:  # Ctrl-C
        dump.kill()
        dump.wait()
        raise
    if dump.returncode != 0:
        raise DisparoError(f"pg_dump falhou: {reason_of(said)}")


def _said_by(dump: subprocess.Popen[str], given_up: threading.Event) -> str:
    while True:
        try:
            return dump.communicate(timeout=_LOOK_EVERY_S)[1]
        except subprocess.TimeoutExpired:
            if given_up.is_set():
                dump.terminate()
