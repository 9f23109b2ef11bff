"""Connections to PostgreSQL, each with the session settings that the promises rest on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from disparo.db.silent_lines import Cancelling, doubted_when_silent, end_when_silent
from disparo.errors import DatabaseUnavailable, in_words

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:  # asyncpg's classes are generic only in the stubs
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

_Value = TypeVar("_Value")

#: A statement is given up after so long; what somebody waits for, a call or what is to be sent, sooner: a
#: little later than a lock that is waited for.
GIVEN_UP_S, SOON_S = 30.0, 12.0
_CLOSED_WITHIN_S = 2.0

#: What the server says, or the network does, when the fault is not in our statement.
CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver met a connection that broke off in the middle of an answer
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    # No new connection is let in: a password or pg_hba.conf changed, the database renamed, or not there yet.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    ConnectionError,
    OSError,
    TimeoutError,
)

#: Faults of the moment, with the connection intact: a lock held too long, a full disk, a failing one.
PASSING = (
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # a lock not to be had; ALLOW_CONNECTIONS false
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a server that its keeper closed for a full disk
)
#: Whatever is worth simply trying again.
TRANSIENT = (*CONNECTION_LOST, *PASSING)
#: What ails one row: it comes again however often that is tried, and must keep no other waiting.
ROW_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)

#: Why a server takes no connection, in words; a person mends these.
_REFUSED = {
    asyncpg.InvalidPasswordError: "usuário ou senha recusados",
    asyncpg.InvalidAuthorizationSpecificationError: "usuário recusado",
    asyncpg.InvalidCatalogNameError: "a base de dados não existe",
    asyncpg.UndefinedObjectError: "o endereço tem, depois do ?, algo que não serve aqui, como "
    "connect_timeout ou channel_binding: tire-o",
    asyncpg.TooManyConnectionsError: "não há mais conexões livres: aumente o max_connections do PostgreSQL, "
    "ou o limite da base ou do usuário",
    asyncpg.DiskFullError: "o disco do banco de dados está cheio",
    asyncpg.CannotConnectNowError: "o PostgreSQL está iniciando ou parando",
}

_SESSION = {
    "application_name": "disparo",
    "synchronous_commit": "on",
    # A paused process must not hold row locks: its open transaction is ended by the server.
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "10s",
    # What a database's owner has set for its role is not meant for us: some of what we do takes minutes (an
    # upgrade, what waits held or let go after a restore), a session waits long for its next call, and locked
    # rows are looked at again. What must not last long has `command_timeout`, and the three of these lines.
    "statement_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_isolation": "read committed",
    # The sessions of a machine that vanished end, with their locks, in a minute and not in two hours.
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60s",
    "timezone": "UTC",
    # Patterns like '\D' in statements and in functions of ours mean what they say.
    "standard_conforming_strings": "on",
    "jit": "off",  # plans of short statements: compiling them costs more than running them
    # Every hot statement has its index. Without these two a plan made while a table was small reads all of it
    # until statistics are next taken, and short statements are planned anew for longer than they run.
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
    "disparo.session": "ours",  # `connect` looks for it
}

#: Fails where the session has not been given what it asked for: behind a pooler that drops it, or deals a
#: server's sessions out by transaction. One simple statement: a prepared one might land in another session.
_LOOK_FOR_OURS = f"""DO $$ BEGIN
    IF current_setting('disparo.session', true) IS DISTINCT FROM '{_SESSION["disparo.session"]}' THEN
        RAISE 'not the session that was asked for';
    END IF;
END $$"""
#: One more that is not meant for us, from here on; an older server refuses whoever asks for it.
_TRANSACTION_TIMEOUT_SINCE = 17
_POOLER = (
    "Entre o Disparo e o PostgreSQL há um intermediário, como o PgBouncer, que não repassa as configurações "
    "da sessão. O Disparo tem as suas próprias conexões, que ficam abertas: aponte DISPARO_DATABASE_URL "
    "direto para o PostgreSQL. Nada foi alterado."
)


async def connect(dsn: str) -> asyncpg.Connection[asyncpg.Record]:
    """Open one connection outside any pool; raises DatabaseUnavailable, also where a pooler is in between."""
    try:
        connection = await asyncpg.connect(
            dsn, server_settings=_SESSION, timeout=10, connection_class=Cancelling
        )
    except asyncpg.ProtocolViolationError as error:  # what PgBouncer says of settings it does not know
        raise DatabaseUnavailable(_POOLER) from error
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise _unreachable(error) from error
    except (asyncpg.InterfaceError, ValueError, OverflowError):
        # Not from it: its words may hold a part of the password.
        raise DatabaseUnavailable(
            "DISPARO_DATABASE_URL não é um endereço como postgresql://usuario:senha@servidor:5432/disparo. "
            "Caracteres como @ / # : % na senha se escrevem %40 %2F %23 %3A %25. Com sslmode=verify-full, o "
            "certificado da autoridade vai em sslrootcert, como /etc/ssl/certs/ca-certificates.crt."
        ) from None
    try:
        await connection.execute(_LOOK_FOR_OURS, timeout=10)
        await _begin(connection)
    except asyncpg.RaiseError as error:
        connection.terminate()
        raise DatabaseUnavailable(_POOLER) from error
    except TRANSIENT as error:
        connection.terminate()
        raise _unreachable(error) from error
    return connection


async def _begin(connection: Connection) -> None:
    await end_when_silent(connection)
    if connection.get_server_version()[0] >= _TRANSACTION_TIMEOUT_SINCE:
        await connection.execute("SET transaction_timeout = 0", timeout=10)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Have one connection outside any pool for as long as this lasts; raises DatabaseUnavailable."""
    connection = await connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def _unreachable(error: Exception) -> DatabaseUnavailable:
    why = next((words for kind, words in _REFUSED.items() if isinstance(error, kind)), in_words(error))
    remedy = "Confira DISPARO_DATABASE_URL ou se o Disparo está em execução."
    if isinstance(error, asyncpg.DiskFullError):
        remedy = "Libere espaço e tente de novo."
    return DatabaseUnavailable(f"Não foi possível conectar ao banco de dados ({why}). {remedy}")


@asynccontextmanager
async def open_pool(
    dsn: str,
    *,
    size: int = 10,
    name: str = "disparo",
    whole: bool = False,
    patience_s: float = GIVEN_UP_S,
) -> AsyncIterator[Pool]:
    """Open a pool of at most `size` connections; statements are given up after `patience_s`.

    `whole`: all of them, at once and for good, as a long-lived process should have them: a database that
    allows too few says so at the start, not in the busiest hour. Raises DatabaseUnavailable.
    """

    async def leave_clean(connection: asyncpg.Connection[asyncpg.Record]) -> None:
        # Without a round trip: asyncpg has ended the transaction, and nothing of ours outlives one.
        if is_read_only(connection):
            await pool.expire_connections()

    pool = asyncpg.create_pool(
        dsn,
        min_size=size if whole else 1,
        max_size=size,
        max_inactive_connection_lifetime=0 if whole else 300,
        command_timeout=patience_s,
        timeout=10,
        server_settings={**_SESSION, "application_name": name},
        connection_class=Cancelling,
        init=_begin,
        reset=leave_clean,
    )
    try:
        await pool
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise _unreachable(error) from error
    try:
        with doubted_when_silent(pool.expire_connections):
            yield pool
    finally:
        # close() waits for connections in hand; a stuck one must not keep the process from ending.
        try:
            async with asyncio.timeout(_CLOSED_WITHIN_S):
                await pool.close()
        except TimeoutError:
            pool.terminate()


def is_read_only(connection: Connection) -> bool:
    """Tell whether a session is at a standby, or was opened while its server took no writes.

    Servers tell by themselves (PostgreSQL 14 and newer). Nobody ends such a session when there is a primary
    again elsewhere, or room on the disk: where the address leads by then only a new one finds out.
    """
    said = connection.get_settings()
    return "on" in (
        getattr(said, "in_hot_standby", "off"),
        getattr(said, "default_transaction_read_only", "off"),
    )


def affected(done: str) -> int:
    """Give how many rows a statement changed, from what `execute` answers: `UPDATE 3`, `INSERT 0 1`."""
    return int(done.rpartition(" ")[2])


async def plan_by_size(connection: Connection) -> None:
    """Have this transaction's statements planned for what they really get: ten thousand rows are not ten."""
    await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")


def column(values: Sequence[_Value | None]) -> Sequence[_Value | None] | None:
    """Give one of several arrays for `unnest`: NULL where all of it is, which stands for the same there."""
    return None if values.count(None) == len(values) else values


@cache
def sql(name: str) -> str:
    """Give the text of one named hot statement, `db/sql/<name>.sql`."""
    return (files("disparo.db") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def load_statements() -> None:
    """Read every named statement now: a later version of the program may replace the files."""
    for each in (files("disparo.db") / "sql").iterdir():
        sql(each.name.removesuffix(".sql"))
