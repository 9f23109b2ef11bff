"""A load generator: keep-alive connections that each send one call after the other, and count."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field


@dataclass
class Load:
    """Latencies in seconds of every answer that began with `HTTP/1.1 200`; others are only counted."""

    host: str
    port: int
    requests: list[bytes]
    connections: int
    seconds: float
    latencies: list[float] = field(default_factory=list)
    others: int = 0

    async def run(self) -> None:
        until = time.perf_counter() + self.seconds
        await asyncio.gather(*(self._one(number, until) for number in range(self.connections)))

    async def _one(self, number: int, until: float) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        place = number
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(self.requests[place % len(self.requests)])
            if await is_answered_200(reader):
                self.latencies.append(time.perf_counter() - began)
            else:
                self.others += 1
            place += self.connections
        writer.close()

    def quantile(self, share: float) -> float:
        found = sorted(self.latencies)
        return found[min(len(found) - 1, int(len(found) * share))] if found else float("nan")


async def is_answered_200(reader: asyncio.StreamReader) -> bool:
    """Read one whole answer; tell whether it is a 200."""
    head = await reader.readuntil(b"\r\n\r\n")
    start = head.lower().index(b"content-length:") + 15
    await reader.readexactly(int(head[start : head.index(b"\r", start)]))
    return head.startswith(b"HTTP/1.1 200")
