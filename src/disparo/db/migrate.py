"""Bring the database to this version of the program: plain SQL revisions, one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import structlog

from disparo.db.pool import TRANSIENT, Connection, connect, connected
from disparo.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection as SqlalchemyConnection

log = structlog.get_logger(__name__)

HEAD = "0031"
MINIMUM_VERSION = 150_000
ENCODING = "UTF8"
_HERE = Path(__file__).parent / "migrations"
_LOCK = 0x64697370  # "disp": serialises starts of several processes
#: Processes that start together wait for less, and there is nothing to be said of it.
_SAY_AFTER_S = 2.0
_IN_USE = (
    "Outro programa está com as tabelas do Disparo abertas, como um pg_dump que ainda copia: a atualização "
    "do banco espera que ele termine. Nada se perdeu; comece de novo depois."
)


async def migrate(dsn: str) -> None:
    """Upgrade to HEAD.

    Raises DatabaseUnavailable on a server too old, a database newer than we, tables that others hold or own,
    and whatever else PostgreSQL refuses.
    """
    async with connected(dsn) as connection:  # its end gives the turn to the next
        if connection.get_server_version()[0] * 10_000 < MINIMUM_VERSION:
            raise DatabaseUnavailable("O PostgreSQL precisa ser da versão 15 ou mais nova.")
        version = await current_version(connection)
        if version != HEAD:  # who finds nothing to do waits for nobody, and nobody for them
            await wait_for_turn(connection)
            version = await current_version(connection)
        _refuse_newer(version)
        if version is None:  # in one that has served till now all is as it was
            await refuse_encoding(connection)
        await _refuse_without_right(connection)  # the engine's tables may be yet to come
        if version != HEAD:
            with refusals_in_words():
                await _run_alembic(dsn)


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """Say PostgreSQL's no to a change of tables as DatabaseUnavailable; faults of the moment pass through."""
    try:
        yield
    except asyncpg.LockNotAvailableError as error:
        raise DatabaseUnavailable(_IN_USE) from error
    except TRANSIENT:
        raise
    except asyncpg.PostgresError as error:  # who it is, or what others have built on our tables
        raise DatabaseUnavailable(_refusal(error)) from error


async def wait_for_turn(connection: Connection) -> None:
    """Wait until no other process changes the schema; ours until this connection closes."""
    saying = asyncio.get_running_loop().call_later(_SAY_AFTER_S, log.warning, "waits_for_another_process")
    try:
        await connection.execute("SET lock_timeout = 0")
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute("RESET lock_timeout")  # for a table nobody waits long, with all behind them
    finally:
        saying.cancel()


async def current_version(connection: Connection) -> str | None:
    """Give the database's revision, None where it holds nothing of ours."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    version: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return version


def revisions() -> list[str]:
    """List the revisions this program knows, oldest first."""
    return sorted(path.name.split("_")[0] for path in (_HERE / "versions").glob("[0-9]*.py"))


def _refuse_newer(version: str | None) -> None:
    if version is not None and version not in revisions():
        raise DatabaseUnavailable(
            f"Este banco de dados foi criado por uma versão mais nova do Disparo (revisão {version}). "
            "Atualize o programa; nada foi alterado."
        )


async def refuse_encoding(connection: Connection) -> None:
    """Others lack letters of names and of SMS, or (SQL_ASCII) count and fold bytes for letters."""
    encoding = connection.get_settings().server_encoding
    if encoding != ENCODING:
        user = await connection.fetchval("SELECT quote_ident(current_user)")
        raise DatabaseUnavailable(
            f"A codificação desta base de dados é {encoding}, e nela nem todo nome cabe: precisa ser "
            f"{ENCODING}. Crie outra no PostgreSQL, como administrador (CREATE DATABASE disparo OWNER {user} "
            f"ENCODING '{ENCODING}' LOCALE 'C' TEMPLATE template0;), e ponha-a em database_url. "
            "Nada foi alterado."
        )


def _refusal(error: asyncpg.PostgresError) -> str:
    """Say why PostgreSQL did not take an upgrade; a name it gives is what a person can do something about."""
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return (
            "As tabelas do Disparo não são do usuário de database_url (como quando outro as restaurou), e só "
            "o dono as atualiza. Passe-as a ele no PostgreSQL, como administrador (ALTER ... OWNER TO ...). "
            f"O PostgreSQL diz: {error.args[0]}. Nada foi alterado."
        )
    # Not its hint, which may be to drop what depends on ours; and of other faults the detail may be a row.
    names = (asyncpg.DependentObjectsStillExistError, asyncpg.FeatureNotSupportedError)
    detail = f" ({error.detail})" if isinstance(error, names) and error.detail else ""
    return (
        f"O PostgreSQL recusou a atualização do banco para a revisão {HEAD}. Se algo foi criado nele à "
        "parte, como uma visão sobre uma tabela do Disparo, tire-o e comece de novo. "
        f"O PostgreSQL diz: {error.args[0]}{detail}. Nada foi alterado."
    )


async def _refuse_without_right(connection: Connection) -> None:
    """Since PostgreSQL 15 only a database's owner may make tables in it, unless told otherwise."""
    row = await connection.fetchrow(
        """SELECT current_user, current_database(),
                  coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may"""
    )
    if row is not None and not row["may"]:
        raise DatabaseUnavailable(
            f"O usuário {row['current_user']} não pode criar tabelas neste banco de dados. Rode no "
            "PostgreSQL, como administrador: "
            f"ALTER DATABASE {row['current_database']} OWNER TO {row['current_user']};"
        )


async def _run_alembic(dsn: str, revision: str = HEAD) -> None:
    # SQLAlchemy and Alembic are loaded only when there is something to do: half a second of each start.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def connection_of_ours() -> asyncpg.Connection[asyncpg.Record]:
        return await connect(dsn)

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connection_of_ours, poolclass=NullPool
    )

    def upgrade(connection: SqlalchemyConnection) -> None:
        config = Config()
        config.set_main_option("script_location", str(_HERE))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    except DBAPIError as error:
        # What asyncpg said, as to everybody else here.
        raise (error.orig and error.orig.__cause__) or error from error
    finally:
        await engine.dispose()


def run_sql_file(name: str) -> None:
    """Run one revision's file, many statements in one go, on the migration's own connection."""
    from alembic import op
    from sqlalchemy.util import await_only

    raw = op.get_bind().connection.driver_connection
    assert raw is not None  # noqa: S101 - for the type checker: a migration always has one
    await_only(raw.execute((_HERE / name).read_text(encoding="utf-8")))
