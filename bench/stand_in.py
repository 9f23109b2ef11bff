"""A platform over HTTP that does nothing but answer: its log of references is written when it ends.

`python -m bench.stand_in PORT LOG [RECEIPTS]`: any POST gets 200 and an id; the log holds one
reference a line, and when it came. A form is one message, JSON a list of them.
With RECEIPTS, an address of ours (http), what came in one call is confirmed there at once, in one call.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

_CONFIRMERS = 32


#: The numbers of what came in one call; whether it was a list.
_Taken = tuple[range, bool]


class _StandIn(asyncio.Protocol):
    def __init__(self, log: list[tuple[bytes, float]], confirm: Callable[[_Taken], None]) -> None:
        self._log = log
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
            taken = self._take(bytes(self._read[end + 4 : end + 4 + length]))
            del self._read[: end + 4 + length]
            answer = _listed(b"messages", [b'{"id":"s-%d"}' % number for number in taken[0]], taken)
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % len(answer)
                + answer
            )
            self._confirm(taken)

    def _take(self, body: bytes) -> _Taken:
        is_list, now, first = body.startswith(b"{"), time.time(), len(self._log) + 1
        found = json.loads(body)["messages"] if is_list else []
        references = [each["ref"].encode() for each in found] if is_list else [body.rpartition(b"ref=")[2]]
        self._log.extend((reference, now) for reference in references)
        return range(first, len(self._log) + 1), is_list


def _listed(name: bytes, items: Sequence[bytes], taken: _Taken) -> bytes:
    return b'{"%s":[%s]}' % (name, b",".join(items)) if taken[1] else items[0]


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


async def _confirm(address: str, waiting: asyncio.Queue[_Taken]) -> None:
    """Confirm until cancelled, from the first message on: whoever is to be told is there by then."""
    parts, loop = urlsplit(address), asyncio.get_running_loop()
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"

    async def connect() -> _Confirmer:
        return (await loop.create_connection(_Confirmer, parts.hostname, parts.port))[1]

    async def work() -> None:
        confirmer = None
        while True:
            taken = await waiting.get()
            told = [b'{"id":"s-%d","status":"delivered"}' % number for number in taken[0]]
            body = _listed(b"results", told, taken)
            call = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
            confirmer = confirmer or await connect()
            while not await confirmer.ask(call):
                confirmer = await connect()

    waiting.put_nowait(await waiting.get())
    await asyncio.gather(*(work() for _ in range(_CONFIRMERS)))


async def main(port: int, log: Path, receipts: str | None) -> None:
    taken: list[tuple[bytes, float]] = []
    waiting: asyncio.Queue[_Taken] = asyncio.Queue()
    confirm = waiting.put_nowait if receipts else lambda _taken: None
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: _StandIn(taken, confirm), "127.0.0.1", port)
    print("ready", flush=True)
    confirming = [asyncio.create_task(_confirm(receipts, waiting))] if receipts else []
    await asyncio.wait([asyncio.create_task(stop.wait()), *confirming], return_when=asyncio.FIRST_COMPLETED)
    for task in confirming:
        if task.done():
            task.result()  # what went wrong
    server.close()
    log.write_bytes(b"".join(b"%s %f\n" % each for each in taken))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if sys.argv[3:] else None))
