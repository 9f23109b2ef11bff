"""A platform over HTTP that does nothing but answer: its log of references is written when it ends.

`python -m bench.stand_in PORT LOG [RECEIPTS]`: any POST gets 200 and an id; the log holds one
reference a line, and when it came.
With RECEIPTS, an address of ours (http), each message is confirmed there at once, in a call of its own.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

_CONFIRMERS = 32


class _StandIn(asyncio.Protocol):
    def __init__(self, bodies: list[tuple[bytes, float]], confirm: Callable[[int], None]) -> None:
        self._bodies = bodies
        self._confirm = confirm
        self._read = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._read[:end]).lower()
            start = head.index(b"content-length:") + 15
            stop = head.find(b"\r", start)
            length = int(head[start:] if stop < 0 else head[start:stop])
            if len(self._read) < end + 4 + length:
                return
            self._bodies.append((bytes(self._read[end + 4 : end + 4 + length]), time.time()))
            del self._read[: end + 4 + length]
            answer = b'{"id":"s-%d"}' % len(self._bodies)
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % len(answer)
                + answer
            )
            self._confirm(len(self._bodies))


class _Confirmer(asyncio.Protocol):
    """One kept connection that confirms one message after the other; told again where it was cut off."""

    def __init__(self) -> None:
        self._read = b""
        self._answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        if self._read.endswith(b"\r\n\r\nOK"):
            self._read = b""
            self._answer.set_result(True)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_result(False)

    async def ask(self, call: bytes) -> bool:
        """Give whether it was answered; False where the connection is gone."""
        if self.transport.is_closing():
            return False
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(call)
        async with asyncio.timeout(30):
            return await self._answer


async def _confirm(address: str, waiting: asyncio.Queue[int]) -> None:
    """Confirm until cancelled, from the first message on: whoever is to be told is there by then."""
    parts, loop = urlsplit(address), asyncio.get_running_loop()
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"

    async def connect() -> _Confirmer:
        return (await loop.create_connection(_Confirmer, parts.hostname, parts.port))[1]

    async def work() -> None:
        confirmer = None
        while True:
            body = b'{"id":"s-%d","status":"delivered"}' % await waiting.get()
            call = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
            confirmer = confirmer or await connect()
            while not await confirmer.ask(call):
                confirmer = await connect()

    waiting.put_nowait(await waiting.get())
    await asyncio.gather(*(work() for _ in range(_CONFIRMERS)))


async def main(port: int, log: Path, receipts: str | None) -> None:
    bodies: list[tuple[bytes, float]] = []
    waiting: asyncio.Queue[int] = asyncio.Queue()
    confirm = waiting.put_nowait if receipts else lambda _number: None
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: _StandIn(bodies, confirm), "127.0.0.1", port)
    print("ready", flush=True)
    confirming = [asyncio.create_task(_confirm(receipts, waiting))] if receipts else []
    await asyncio.wait([asyncio.create_task(stop.wait()), *confirming], return_when=asyncio.FIRST_COMPLETED)
    for task in confirming:
        if task.done():
            task.result()  # what went wrong
    server.close()
    log.write_bytes(b"".join(b"%s %f\n" % (body.rpartition(b"ref=")[2], at) for body, at in bodies))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if sys.argv[3:] else None))
