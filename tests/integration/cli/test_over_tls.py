"""Commands that run psql and pg_dump reach a PostgreSQL that is only there for who speaks TLS."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.own_database import query
from tests.support.program import command

from disparo.api.certificate import self_signed

_SSL_REQUEST = b"\0\0\0\x08\x04\xd2\x16/"
_PLAIN, _BOTH = b"SCRAM-SHA-256\0", b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0"


class OnlyTls:
    """What such a server is from outside: it speaks to nobody before TLS, and offers to bind SCRAM to it."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self._socket = parse_qs(urlsplit(dsn).query)["host"][0] + "/.s.PGSQL.5432"
        self.certificate = self_signed(folder, "localhost")
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(self.certificate.certificate, self.certificate.key)
        self._loop, self._ready = asyncio.new_event_loop(), threading.Event()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))
        self._thread.start()
        self._ready.wait()

    def address(self, dsn: str) -> str:
        url = urlsplit(dsn)
        return (
            f"postgresql://{url.username}:{url.password}@localhost:{self.port}{url.path}"
            f"?sslmode=verify-full&sslrootcert={self.certificate.certificate}"
        )

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._over.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(8) == _SSL_REQUEST:
            writer.write(b"S")
            await writer.start_tls(self._context)
            there_reader, there_writer = await asyncio.open_unix_connection(self._socket)
            await asyncio.gather(_pump(reader, there_writer), _offer_and_pump(there_reader, writer))
        writer.close()


async def _offer_and_pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    first = (await reader.read(65_536)).replace(_PLAIN, _BOTH)
    if first:
        writer.write(first[:1] + (len(first) - 1).to_bytes(4, "big") + first[5:])
        await _pump(reader, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
def through(dsn, tmp_path):
    with closing(OnlyTls(dsn, tmp_path)) as server:
        yield server


def test_a_backup_goes_there_and_back_and_the_shell_opens(dsn, empty_dsn, through, tmp_path):
    """The programs that come with us know no TLS: no backup was made, before an upgrade neither."""
    file = tmp_path / "a.dump"
    saved = command("db", "backup", file, env={"DISPARO_DATABASE_URL": through.address(dsn)})
    assert saved.returncode == 0, saved.stderr
    restored = command("db", "restore", file, env={"DISPARO_DATABASE_URL": through.address(empty_dsn)})
    assert restored.returncode == 0, restored.stderr
    assert query(empty_dsn, "SELECT to_regclass('messages') IS NOT NULL")
    words = ("db", "shell", "--", "--no-psqlrc", "--tuples-only", "--command=SELECT 6 * 7")
    shown = command(*words, env={"DISPARO_DATABASE_URL": through.address(dsn)})
    assert (shown.returncode, shown.stdout.strip()) == (0, "42"), shown.stderr


def test_a_folder_whose_name_is_too_long_for_a_socket_is_named(dsn, through, tmp_path):
    long = tmp_path / ("t" * 90)
    long.mkdir()
    there = {"DISPARO_DATABASE_URL": through.address(dsn), "TMPDIR": str(long)}
    refused = command("db", "backup", tmp_path / "a.dump", env=there)
    assert refused.returncode == 1
    assert "TMPDIR" in refused.stderr
