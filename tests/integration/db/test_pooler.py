"""A pooler before one's own PostgreSQL keeps sessions from being ours: it is refused in words, before anything."""

from __future__ import annotations

import asyncio
import struct
from urllib.parse import parse_qs, urlsplit

import pytest

from disparo.db.migrate import HEAD, current_version, migrate
from disparo.db.pool import connect
from disparo.dispatch.prepare import prepare
from disparo.errors import DatabaseUnavailable

pytestmark = pytest.mark.anyio
_DIRECTLY = r"PgBouncer.* direto para o PostgreSQL"


def _socket_of(dsn):
    return parse_qs(urlsplit(dsn).query)["host"][0] + "/.s.PGSQL.5432"


def _through(dsn, port):
    url = urlsplit(dsn)
    return f"postgresql://{url.username}:{url.password}@127.0.0.1:{port}{url.path}?sslmode=disable"


async def _read_start(reader):
    (length,) = struct.unpack("!i", await reader.readexactly(4))
    return await reader.readexactly(length - 4)


async def _pump(reader, writer):
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


def _dropping(dsn):
    """PgBouncer with `ignore_startup_parameters`: only who connects, and where to, goes on."""

    async def serve(reader, writer):
        start = await _read_start(reader)
        words = start[4:].split(b"\0")
        asked = dict(zip(words[::2], words[1::2], strict=False))
        kept = b"".join(name + b"\0" + asked[name] + b"\0" for name in (b"user", b"database")) + b"\0"
        there_reader, there_writer = await asyncio.open_unix_connection(_socket_of(dsn))
        there_writer.write(struct.pack("!i", len(kept) + 8) + start[:4] + kept)
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))

    return serve


async def _refusing(reader, writer):
    """PgBouncer as it comes."""
    await _read_start(reader)
    said = b"SERROR\0C08P01\0Munsupported startup parameter: synchronous_commit\0\0"
    writer.write(b"E" + struct.pack("!i", len(said) + 4) + said)
    await writer.drain()
    writer.close()


@pytest.fixture
def dsn(new_database):
    return new_database()


@pytest.mark.parametrize("start", [connect, migrate, prepare])
@pytest.mark.parametrize("drops", [True, False])
async def test_a_pooler_is_refused_in_words(dsn, drops, start):
    server = await asyncio.start_server(_dropping(dsn) if drops else _refusing, "127.0.0.1", 0)
    async with server:
        with pytest.raises(DatabaseUnavailable, match=_DIRECTLY):
            await start(_through(dsn, server.sockets[0].getsockname()[1]))


async def test_the_server_itself_is_not(dsn):
    connection = await connect(dsn)
    assert await current_version(connection) == HEAD
    await connection.close()
