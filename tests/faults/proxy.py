"""A TCP proxy that loses things: it cuts, slows down, falls silent, and goes away. It may end TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass
class Proxy:
    """`slow_s` waits before each piece; `silent` takes everything and hands on nothing.

    `drip_s` above 0: answers come a byte at a time, each after so many seconds. `tls`, where there is one,
    is what connections from now on are met with.
    """

    connect: Connect
    slow_s: float = 0.0
    silent: bool = False
    drip_s: float = 0.0
    tls: ssl.SSLContext | None = None
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Listen; after `shut` on the same port again."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self, *, cut: bool = True) -> None:
        """Close the port, and every connection with it; with `cut=False` those stay as they are."""
        assert self._server is not None
        self._server.close()
        if cut:
            self.cut()

    def cut(self) -> int:
        """Abort every connection at once, in the middle of whatever it carries; gives how many."""
        cut = len(self._open)
        for writer in self._open:
            writer.transport.abort()
        return cut

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await self.connect()
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, there_writer}
        self._open |= pair
        ways = [
            asyncio.create_task(self._pump(reader, there_writer)),
            asyncio.create_task(self._pump(there_reader, writer, is_answer=True)),
        ]
        self._tasks.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
            self._tasks.discard(way)
        self._open -= pair
        for end in pair:
            with suppress(OSError, RuntimeError):
                end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool = False
    ) -> None:
        with suppress(OSError, RuntimeError):
            while data := await reader.read(1 if is_answer and self.drip_s else 65_536):
                if is_answer and self.drip_s:
                    await asyncio.sleep(self.drip_s)
                if self.slow_s:
                    await asyncio.sleep(self.slow_s)
                while self.silent:
                    await asyncio.sleep(0.05)
                writer.write(data)
                await writer.drain()
