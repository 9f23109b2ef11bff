"""Servers of the standard library for a test to call."""

from __future__ import annotations

import asyncio
import socketserver
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve from a thread of its own, until the block ends, however it ends.

    One that is closed and not told to end asks its closed socket for calls, without a rest, as long as its process
    lives.
    """
    # Every 0.05 s it looks whether it is to end.
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@asynccontextmanager
async def answering_nobody() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Give a server's address, and what is set once it was called; no call has an answer until its caller leaves."""
    called = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):  # none comes on a connection that is only opened ahead
            called.set()
            await reader.read()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", called
