"""Leads psql and pg_dump through TLS: those that come with us are built without it."""

from __future__ import annotations

import asyncio
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from disparo.db.libpq import client_environment
from disparo.db.pool import connected
from disparo.errors import DatabaseUnavailable, in_words

_PORT = "5432"  # a part of the socket's name
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_AT_ONCE = 65_536
#: How a server asks for SCRAM (AuthenticationSASL), and the kind of it that needs TLS of one's own.
_SASL, _BOUND = b"R", b"SCRAM-SHA-256-PLUS\0"
#: Of an address, what is for who speaks to the server itself: the relay does.
_OF_THE_WAY = ("PGSSLMODE", "PGREQUIRESSL", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGCHANNELBINDING")
_OF_THE_CHOICE = ("PGTARGETSESSIONATTRS", "PGPASSFILE")


@dataclass(frozen=True, slots=True)
class _Way:
    """Where one of our own connections has come to, and how."""

    host: str
    port: int
    context: ssl.SSLContext
    server_name: str
    variables: dict[str, str]


@contextmanager
def reaching(dsn: str) -> Iterator[dict[str, str]]:
    """Give the environment in which psql and pg_dump reach this database as we do, by TLS where we do.

    Raises DatabaseUnavailable.
    """
    way, environment = asyncio.run(_find_way(dsn)), client_environment(dsn)
    if way is None:
        yield environment
        return
    for name in (*_OF_THE_WAY, *_OF_THE_CHOICE):
        environment.pop(name, None)
    with ExitStack() as open_till_then:
        try:
            folder = open_till_then.enter_context(tempfile.TemporaryDirectory(prefix="disparo-"))
            open_till_then.enter_context(_relaying(way, Path(folder) / f".s.PGSQL.{_PORT}"))
        except OSError as error:
            raise DatabaseUnavailable(
                f"Não foi possível usar a pasta temporária {tempfile.gettempdir()} ({in_words(error)}). "
                "Confira TMPDIR, que precisa ser uma pasta de nome curto. Nada foi alterado."
            ) from error
        yield {**environment, **way.variables, "PGHOST": folder, "PGPORT": _PORT}


async def _find_way(dsn: str) -> _Way | None:
    async with connected(dsn) as connection:
        found: Any = connection
        tls = found._transport.get_extra_info("ssl_object")  # noqa: SLF001 - the driver tells it nowhere else
        if tls is None:
            return None
        host, port = found._addr  # noqa: SLF001 - of several hosts, the one that it chose
        used = found._params  # noqa: SLF001 - with the password, also one from a file
        named = {"PGUSER": used.user, "PGPASSWORD": used.password, "PGDATABASE": used.database}
        variables = {name: value for name, value in named.items() if value}
        return _Way(host, port, tls.context, tls.server_hostname, variables)


@contextmanager
def _relaying(way: _Way, socket: Path) -> Iterator[None]:
    """Relay in a thread: who waits for a program has no loop."""
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    ready, failed = threading.Event(), list[OSError]()

    async def relay() -> None:
        async with await asyncio.start_unix_server(partial(_relay, way), socket):
            ready.set()
            await over.wait()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:  # its end ends what is still relayed
                runner.run(relay())
        except OSError as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    if failed:
        raise failed[0]
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


async def _relay(way: _Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, EOFError):  # the program says that its connection is lost
        try:
            there_reader, there_writer = await _open(way)
            try:
                await _until_one_ends(_pump(reader, there_writer), _answers(there_reader, writer))
            finally:
                there_writer.close()
        finally:
            writer.close()


async def _open(way: _Way) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(way.host, way.port)
    try:
        writer.write(_SSL_REQUEST)
        if await reader.readexactly(1) != b"S":
            raise ConnectionAbortedError  # noqa: TRY301 - closed below like one that fails
        await writer.start_tls(way.context, server_hostname=way.server_name)
    except BaseException:
        writer.close()
        raise
    return reader, writer


async def _until_one_ends(*pumps: Any) -> None:
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    kind, length = struct.unpack("!ci", await reader.readexactly(5))
    first = await reader.readexactly(length - 4)
    if kind == _SASL:
        first = first.replace(_BOUND, b"")
    writer.write(struct.pack("!ci", kind, len(first) + 4) + first)
    await _pump(reader, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_AT_ONCE):
        writer.write(data)
        await writer.drain()
