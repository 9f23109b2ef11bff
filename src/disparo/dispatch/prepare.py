"""Prepares a database for this version of the program, or says why that cannot be done."""

from __future__ import annotations

import asyncpg
import structlog

from disparo import queue
from disparo.db import installation
from disparo.db.migrate import migrate, refusals_in_words, wait_for_turn
from disparo.db.pool import Connection, Pool, connected
from disparo.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)


async def prepare(dsn: str) -> bool:
    """Migrate, install the engine, check durability; False where the database is a copy and now held.

    Raises DatabaseUnavailable in words for the administrator; nothing is changed then.
    """
    await check_durability(dsn)
    await migrate(dsn)
    async with connected(dsn) as connection:
        await _install_engine(connection)
        async with connection.transaction():
            return await installation.recognise(connection)


async def hold_if_copied(pool: Pool, dsn: str) -> None:
    """Hold all that waits where the database became a copy under us: a fail-over, or a backup loaded into it.

    Until then nothing is claimed there (claim.sql). Not on a connection of the pool: to hold a million takes
    longer than a statement may there.
    """
    async with pool.acquire() as looking:
        if not await installation.is_unnoticed_copy(looking):
            return
    async with connected(dsn) as connection, connection.transaction():
        is_ours = await installation.recognise(connection)
    if not is_ours:  # else another worker was the first to notice
        log.warning("database_is_a_copy_and_held")


async def _install_engine(connection: Connection) -> None:
    if await queue.is_up_to_date(connection):
        return
    await wait_for_turn(connection)
    if not await queue.is_up_to_date(connection):  # who had the turn before may have done it
        with refusals_in_words():
            await queue.install(connection)


async def check_durability(dsn: str) -> None:
    """Raise DatabaseUnavailable where a commit would not be on disk."""
    async with connected(dsn) as connection:
        try:
            for name in ("fsync", "full_page_writes"):
                if await _show(connection, name) != "on":
                    raise DatabaseUnavailable(
                        f"O PostgreSQL está com {name} = off: um SMS aceito poderia se perder. "
                        f"Ligue {name} e reinicie."
                    )
            if await _show(connection, "synchronous_commit") in ("off", "local"):
                raise DatabaseUnavailable("O PostgreSQL não respeita synchronous_commit = on desta conexão.")
        except asyncpg.PostgresError as error:
            raise DatabaseUnavailable(
                f"O banco de dados recusou a verificação ({type(error).__name__})."
            ) from error


async def _show(connection: Connection, name: str) -> str:
    value: str = await connection.fetchval("SELECT current_setting($1)", name)
    return value
