"""Sends a response in one write: uvicorn hands over head and body, each a system call and a packet.

The head is kept until the next write, or the end of the event loop's turn at the latest; so a stream that
pauses after its head loses nothing. Measured: docs/decisions/0040.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from disparo.api.protocol.escaping import Escaping


class OneWrite(Escaping):
    """uvicorn's protocol, over a transport that joins two writes into one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a connection."""
        joining = Joining(cast("asyncio.Transport", transport), self.loop)
        super().connection_made(cast("asyncio.Transport", joining))


class Joining:
    """A transport that joins two writes into one, and is the wrapped one in all else."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept = b""
        self.is_closing = transport.is_closing  # asked for with every answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, together with what follows in this turn of the loop."""
        if self._kept:
            kept, self._kept = self._kept, b""
            self._transport.write(kept + data)
        elif data:
            self._kept = data
            self._loop.call_soon(self._flush)

    def write_now(self, data: bytes) -> None:
        """Write what nothing follows that it could be joined with."""
        kept, self._kept = self._kept, b""
        self._transport.write(kept + data if kept else data)

    def close(self) -> None:
        """Write what is kept, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        kept, self._kept = self._kept, b""
        if kept and not self._transport.is_closing():  # a client that is gone is told nothing
            self._transport.write(kept)
