"""Our own side: a private PostgreSQL, servers, and workers where they are wanted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import asyncpg
from tests.support.client import SEND
from tests.support.rows import add_invoices
from tests.support.stage import Stage, free_port

from bench.over_http import StandIn, table_of
from bench.peer_kannel import Smsc
from bench.slow_flush import preloaded
from bench.wrk import Target
from disparo.db.embedded import EmbeddedPostgres

INVOICES = 5000


def database(stack: ExitStack, folder: Path, library: Path | None) -> str:
    """A fresh server; with `library` its flushes are slow."""
    server = EmbeddedPostgres(folder)
    with preloaded(library):
        dsn = server.start()
    stack.callback(server.stop)
    return dsn


def stage(
    stack: ExitStack,
    dsn: str,
    folder: Path,
    *,
    processes: int,
    workers: int,
    overrides: Mapping[str, str] | None = None,
    port: int | None = None,
) -> Stage:
    folder.mkdir(parents=True)
    folder.chmod(0o711)
    arguments = ("--processos", str(processes)) if processes > 1 else ()
    built = Stage(
        dsn,
        folder,
        workers_count=workers,
        latency_ms=0,
        server_arguments=arguments,
        overrides=overrides or {},
        server_port=port or free_port(),
    )
    stack.callback(lambda: asyncio.run(built.__aexit__()))
    asyncio.run(built.__aenter__())
    asyncio.run(_fill(dsn))
    return built


def with_stand_in(stack: ExitStack, place: Path, *, batch: int = 1) -> tuple[str, Stage, StandIn]:
    """A database, one server and one worker, to a stand-in that confirms each message: as bare as an SMSC.

    One server: with one worker on two cores a second one takes from it more than it gives.
    `batch`: messages that the stand-in takes in a call, at most; it confirms as many in one then.
    """
    place = place / f"batch_{batch}"
    place.mkdir()
    place.chmod(0o711)
    dsn, port = database(stack, place / "database", None), free_port()
    stand_in = StandIn(place, receipts=f"http://127.0.0.1:{port}/webhook/parada/ensaio")
    stack.callback(stand_in.stop)
    settings = {
        "DISPARO_PLATFORMS": json.dumps({"parada": table_of(stand_in.url, batch=batch)}),
        "DISPARO_REAL_SENDING": "yes",
    }
    built = stage(stack, dsn, place / "stage", processes=1, workers=1, overrides=settings, port=port)
    return dsn, built, stand_in


def with_smsc(stack: ExitStack, place: Path) -> tuple[str, Stage, Smsc]:
    """The same house, to an SMSC over one bind, as Kannel has it."""
    dsn = database(stack, place / "smpp_database", None)
    smsc = Smsc(receipts=True)
    stack.callback(smsc.stop)
    table = {"type": "smpp", "host": "127.0.0.1", "port": smsc.port, "tls": False, "bind_window": 50}
    settings = {
        "DISPARO_PLATFORMS": json.dumps({"smsc": {**table, "system_id": "bench", "password": "bench"}}),
        "DISPARO_REAL_SENDING": "yes",
    }
    return dsn, stage(stack, dsn, place / "smpp_stage", processes=1, workers=1, overrides=settings), smsc


def target(built: Stage) -> Target:
    """Calls as a client makes them: with a token, each for another invoice."""
    token = asyncio.run(built.token())
    headers = (("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"))
    return Target(f"{built.base}{SEND}", "POST", headers, '{"id_fatura":"#"}', INVOICES)


def ask(dsn: str, query: str) -> int:
    async def one() -> int:
        connection = await asyncpg.connect(dsn)
        try:
            return int(await connection.fetchval(query))
        finally:
            await connection.close()

    return asyncio.run(one())


async def _fill(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await add_invoices(connection, INVOICES)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
