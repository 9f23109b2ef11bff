"""Questions to a database over a connection that is kept: a suite asks thousands, and a new session is dear."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

Work = Callable[[asyncpg.Connection], Awaitable[Any]]


class Asker:
    """A loop in a thread of its own, as a browser's driver keeps one running in a test's, and one idle connection."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._idle: asyncpg.Connection | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Work) -> Any:
        """Do `work` on a connection that knows of nothing done before."""
        return asyncio.run_coroutine_threadsafe(self._run(work), self._loop).result()

    def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        return self.run(lambda connection: connection.fetch(query, *arguments))

    def execute(self, statement: str) -> None:
        self.run(lambda connection: connection.execute(statement))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._drop(self._take()), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _run(self, work: Work) -> Any:
        connection = self._take() or await asyncpg.connect(self._dsn)
        try:
            found = await work(connection)
            await connection.reset()
        except BaseException:
            connection.terminate()
            raise
        kept, self._idle = self._idle, connection
        await self._drop(kept)
        return found

    def _take(self) -> asyncpg.Connection | None:
        taken, self._idle = self._idle, None
        return None if taken is None or taken.is_closed() else taken

    @staticmethod
    async def _drop(connection: asyncpg.Connection | None) -> None:
        if connection is not None:
            await connection.close()
