"""A proxy before PostgreSQL that can lose a COMMIT, or the answer to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qsl, urlsplit


class Cutter:
    """`cut`: "before" loses the next COMMIT, "after" its answer; None, nothing.

    `mark`: only the COMMIT of a transaction that carried these bytes. `is_shut`: takes nobody in any more,
    with `is_shut_after_cut` from the loss on; it ends those that are open too. `is_silent`: nothing gets
    through, and nothing is closed.
    """

    def __init__(self, dsn: str) -> None:
        query = dict(parse_qsl(urlsplit(dsn).query))
        self.socket = f"{query['host']}/.s.PGSQL.{query.get('port', '5432')}"
        self.cut: str | None = None
        self.mark = b""
        self.is_shut = self.is_shut_after_cut = self.is_silent = False
        self.straight = dsn
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    def shut(self) -> None:
        """Take nobody in any more, and end those that are open; asked for from another thread."""
        assert self._server is not None
        asyncio.run_coroutine_threadsafe(self._shut(), self._server.get_loop()).result(10)

    async def _shut(self) -> None:
        self.is_shut = True
        for each in self._open:
            each.transport.abort()

    @property
    def dsn(self) -> str:
        """The way to the same database through here."""
        assert self._server is not None
        parts, port = urlsplit(self.straight), self._server.sockets[0].getsockname()[1]
        return f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{port}{parts.path}"

    async def _serve(self, reader, writer):
        try:
            await self._heard()
            if self.is_shut:
                raise ConnectionRefusedError
            their_reader, their_writer = await asyncio.open_unix_connection(self.socket)
            if self.is_shut:  # meanwhile
                their_writer.close()
                raise ConnectionRefusedError
        except OSError:
            writer.close()
            return
        self._open.add(writer)
        is_lost, is_answered = asyncio.Event(), asyncio.Event()
        ways = [
            asyncio.create_task(self._up(reader, their_writer, is_lost, is_answered)),
            asyncio.create_task(self._down(their_reader, writer, is_lost, is_answered)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        self._open.discard(writer)
        writer.transport.abort()
        their_writer.close()

    async def _up(self, reader, their_writer, is_lost, is_answered):
        is_meant = False
        with suppress(OSError):
            while data := await reader.read(65536):
                is_meant = is_meant or self.mark in data
                if b"COMMIT;" in data and is_meant and self.cut is not None:
                    when, self.cut = self.cut, None
                    is_lost.set()
                    if when == "after":
                        their_writer.write(data)
                        await their_writer.drain()
                        await is_answered.wait()
                    if self.is_shut_after_cut:
                        await self._shut()
                    return
                is_meant = is_meant and b"COMMIT;" not in data and b"ROLLBACK;" not in data
                their_writer.write(data)
                await their_writer.drain()

    async def _heard(self):
        while self.is_silent:
            await asyncio.sleep(0.05)

    async def _down(self, their_reader, writer, is_lost, is_answered):
        with suppress(OSError):
            while data := await their_reader.read(65536):
                await self._heard()
                if is_lost.is_set():
                    is_answered.set()
                else:
                    writer.write(data)
                    await writer.drain()


@contextmanager
def cutter_beside(dsn: str) -> Iterator[Cutter]:
    """Run one on a loop of its own, for tests that have none."""
    cutter, loop = Cutter(dsn), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(cutter.start(), loop).result(10)
    try:
        yield cutter
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
