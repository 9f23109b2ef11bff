"""A platform over HTTP that does nothing but answer: its log of references is written when it ends.

`python -m bench.stand_in PORT LOG`: any POST gets 200 and an id; the log holds one reference a line.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import uvloop


class _StandIn(asyncio.Protocol):
    def __init__(self, bodies: list[bytes]) -> None:
        self._bodies = bodies
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
            self._bodies.append(bytes(self._read[end + 4 : end + 4 + length]))
            del self._read[: end + 4 + length]
            answer = b'{"id":"s-%d"}' % len(self._bodies)
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % len(answer)
                + answer
            )


async def main(port: int, log: Path) -> None:
    bodies: list[bytes] = []
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: _StandIn(bodies), "127.0.0.1", port)
    print("ready", flush=True)
    await stop.wait()
    server.close()
    log.write_bytes(b"\n".join(body.rpartition(b"ref=")[2] for body in bodies) + b"\n")


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
