"""The cluster of a private PostgreSQL: made whole or not at all; its roles, their passwords and addresses."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import asyncpg

from disparo.db.data_dir import DataDirUnusable, unusable
from disparo.db.postgres_binaries import Runner, environment, major_version, reason_of
from disparo.db.postgres_log import log_file
from disparo.db.server_options import PORT, server_options
from disparo.durable import put_in_place, write_new
from disparo.errors import DatabaseUnavailable, in_words

ADMIN, APP = "disparo_admin", "disparo"
#: Begins the name of the file in which initdb is given a password.
_FOR_INITDB = "initdb.in-"
#: A server that is frozen takes the connection, and nobody answers on it.
_ANSWERS_WITHIN_S = 5.0
#: What to do about what initdb says, of this folder.
_HINTS = {
    "ermission denied": "O usuário do banco de dados não alcança {}: escolha outra pasta com --dados PASTA. ",
    "No space left": "O disco está cheio: libere uns 200 MB, ou escolha outra pasta com --dados PASTA. ",
    "quota exceeded": "A cota do disco acabou: libere uns 200 MB, ou escolha outra pasta com --dados PASTA. ",
}


class DatabaseFailed(DatabaseUnavailable):
    """The private PostgreSQL does not start, or does not stay up."""


def make_cluster(data_dir: Path, runner: Runner) -> None:
    """Make it where there is none; raises DatabaseFailed or DataDirUnusable, and leaves nothing half done."""
    cluster = data_dir / "postgres"
    if cluster.exists():
        _refuse_of_another_version(data_dir, runner)
        return
    refuse_where_taken_away(data_dir)
    try:
        _make(data_dir, cluster, runner)
    except OSError as error:
        raise DataDirUnusable(unusable(data_dir, in_words(error))) from error


def _make(data_dir: Path, cluster: Path, runner: Runner) -> None:
    passwords = _read_passwords(data_dir) or _keep(data_dir, _new_passwords(data_dir))
    # Made beside its place and moved there whole: a start that is killed leaves nothing half done.
    # Under a name of its own: an initdb of such a start may still be writing for a moment.
    for left in data_dir.glob("postgres.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    for left in data_dir.glob(f"{_FOR_INITDB}*"):
        left.unlink(missing_ok=True)
    nursery = data_dir / f"postgres.new-{secrets.token_hex(4)}"
    try:
        _fill(nursery, data_dir, runner, passwords[ADMIN])
    except BaseException:
        shutil.rmtree(nursery, ignore_errors=True)  # a full disk would go on being full of it
        raise
    put_in_place(nursery, cluster)


def _fill(nursery: Path, data_dir: Path, runner: Runner, password: str) -> None:
    nursery.mkdir(mode=0o700)
    runner.own(nursery)
    # In this closed folder: in /tmp that of a start that is killed would stay.
    with tempfile.NamedTemporaryFile(
        "w", encoding="ascii", prefix=_FOR_INITDB, dir=data_dir
    ) as password_file:
        password_file.write(password)
        password_file.flush()
        runner.own(Path(password_file.name))
        command = runner.command(
            "initdb",
            f"--pgdata={nursery}",
            f"--username={ADMIN}",
            f"--pwfile={password_file.name}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            *_locale_options(major_version(runner)),
            "--no-instructions",
            parent=os.getpid(),
        )
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=300, env=environment()
        )
    if done.returncode != 0:
        why = reason_of(done.stderr)
        hint = next((words.format(data_dir) for sign, words in _HINTS.items() if sign in why), "")
        raise DataDirUnusable(f"Não foi possível criar o banco de dados em {data_dir}. {hint}({why})")


def _refuse_of_another_version(data_dir: Path, runner: Runner) -> None:
    made_by = int((data_dir / "postgres" / "PG_VERSION").read_text(encoding="ascii"))
    if made_by != (found := major_version(runner)):
        raise DatabaseFailed(
            f"A pasta {data_dir} foi criada pelo PostgreSQL {made_by} e o disponível é o {found}. "
            "Faça um backup com a versão anterior e restaure-o nesta. Nada foi alterado."
        )


def refuse_where_taken_away(data_dir: Path) -> None:
    """Raise DatabaseFailed where there was a cluster and is none: an empty one in its place would look well.

    Its log begins with the first server that runs on it, whole: a first start that is killed leaves none.
    """
    if log_file(data_dir).exists():
        raise DatabaseFailed(
            f"Esta pasta já teve um banco de dados, e {data_dir / 'postgres'} não está lá. Traga-o de volta; "
            f"para começar outro, apague {log_file(data_dir)}. Nada foi alterado."
        )


def _locale_options(major: int) -> list[str]:
    builtin = 17  # the first with PostgreSQL's own locales: the same order on every machine
    if major < builtin:
        return ["--locale=C"]
    return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]


async def make_application_role(data_dir: Path) -> None:
    """Make the application's role and database where they are missing: nothing else may be superuser."""
    passwords = _passwords(data_dir)
    connection = await asyncpg.connect(dsn_of(data_dir, ADMIN, "postgres"))
    try:
        if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", APP) is None:
            # Random letters of our own: nothing in it needs quoting.
            await connection.execute(f"CREATE ROLE {APP} LOGIN PASSWORD '{passwords[APP]}'")
        if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'disparo'") is None:
            await connection.execute(f"CREATE DATABASE disparo OWNER {APP}")
    finally:
        await connection.close()


async def lets_in(address: str) -> bool:
    """Tell whether the application's role and database are there, or it is refused for another reason."""
    try:
        connection = await asyncpg.connect(address, timeout=_ANSWERS_WITHIN_S)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidCatalogNameError):
        return False
    except (asyncpg.PostgresError, OSError):
        return True  # whoever connects next says why not
    await connection.close()
    return True


def has_passwords(data_dir: Path) -> bool:
    """Tell whether the roles' passwords are known; raises DataDirUnusable where they cannot be read."""
    return _read_passwords(data_dir) is not None


def renew_passwords(data_dir: Path, runner: Runner) -> None:
    """Give the roles of a cluster that no server runs new passwords; raises DatabaseFailed.

    The file's user may do so without the old ones. The database has them before the file has: a start that
    is killed in between finds no passwords, and makes others.
    """
    passwords = _new_passwords(data_dir)
    options = [part for name, value in server_options().items() for part in ("-c", f"{name}={value}")]
    command = runner.command(
        "postgres", "--single", "-D", str(data_dir / "postgres"), *options, "postgres", parent=os.getpid()
    )
    statements = [
        f"DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN "
        f"ALTER ROLE {role} PASSWORD '{password}'; END IF; END $$\n"
        for role, password in passwords.items()
    ]
    done = subprocess.run(
        command, input="".join(statements), capture_output=True, text=True, check=False, env=environment()
    )
    if done.returncode != 0 or "ERROR:" in done.stderr:
        raise DatabaseFailed(
            f"As senhas do banco de dados próprio não estão em {_secret(data_dir)} e não puderam ser "
            f"refeitas ({reason_of(done.stderr)})."
        )
    _keep(data_dir, passwords)


def _secret(data_dir: Path) -> Path:
    return data_dir / "database.secret"


def _read_passwords(data_dir: Path) -> dict[str, str] | None:
    """Read the roles' passwords; None where they are not there, or not whole. Raises DataDirUnusable."""
    path = _secret(data_dir)
    try:
        found = json.loads(path.read_text(encoding="ascii"))
        return {role: found[role] for role in (ADMIN, APP)}
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataDirUnusable(
            f"Não é possível ler {path} ({in_words(error)}). Use o mesmo usuário que criou a pasta."
        ) from error
    except (ValueError, KeyError, TypeError):  # a disk or a hand has cut it off
        return None


def _new_passwords(data_dir: Path) -> dict[str, str]:
    """Make passwords at random, and a file of them beside its place; it is ours alone."""
    made = {role: secrets.token_urlsafe(24) for role in (ADMIN, APP)}
    write_new(_secret(data_dir).with_suffix(".new"), json.dumps(made))
    return made


def _keep(data_dir: Path, passwords: dict[str, str]) -> dict[str, str]:
    put_in_place(_secret(data_dir).with_suffix(".new"), _secret(data_dir))
    return passwords


def _passwords(data_dir: Path) -> dict[str, str]:
    found = _read_passwords(data_dir)
    if found is None:
        raise DataDirUnusable(
            f"As senhas do banco de dados próprio não estão em {_secret(data_dir)}. "
            "Reinicie o Disparo: ele as refaz ao iniciar."
        )
    return found


def dsn_of(data_dir: Path, role: str, database: str) -> str:
    """Give a role's address of the server that runs on the folder, or would; raises DataDirUnusable."""
    lines = postmaster_lines(data_dir / "postgres")
    socket_dir = lines[4] if len(lines) > 4 else str(data_dir / "socket")  # noqa: PLR2004 - the file's fifth line
    place = f"host={quote(socket_dir, safe='')}&port={PORT}"
    return f"postgresql://{role}:{_passwords(data_dir)[role]}@/{database}?{place}"


def postmaster_lines(cluster: Path) -> list[str]:
    """Read what the server writes of itself: pid, folder, start, port, socket folder, host, key, status."""
    try:
        text = (cluster / "postmaster.pid").read_text(encoding="utf-8")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines()]
