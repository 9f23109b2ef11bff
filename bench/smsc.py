"""An SMSC that does nothing but answer: `python -m bench.smsc PORT [--receipts]`. SMPP 3.4, loopback.

SIGUSR1 prints one line: messages taken, receipts that were acknowledged, when the last of each came.
"""

from __future__ import annotations

import asyncio
import signal
import struct
import sys
import time

import uvloop

_BINDS = {1, 2, 9}
_SUBMIT, _DELIVER_RESP, _ENQUIRE, _UNBIND = 4, 0x80000005, 0x15, 6
_HEAD = struct.Struct(">IIII")


class Counts:
    taken = receipts = 0
    last_taken = last_receipt = 0.0


class Smsc(asyncio.Protocol):
    def __init__(self, counts: Counts, *, receipts: bool) -> None:
        self._counts, self._receipts = counts, receipts
        self._read = bytearray()
        self._sequence = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        answers: list[bytes] = []
        at = 0
        while len(self._read) - at >= 16:
            length, command, _, sequence = _HEAD.unpack_from(self._read, at)
            if len(self._read) - at < length:
                break
            self._take(command, sequence, bytes(self._read[at + 16 : at + length]), answers)
            at += length
        del self._read[:at]
        if answers:
            self._transport.write(b"".join(answers))

    def _take(self, command: int, sequence: int, body: bytes, answers: list[bytes]) -> None:
        counts = self._counts
        if command == _SUBMIT:
            counts.taken += 1
            counts.last_taken = time.time()
            number = b"%010d" % counts.taken
            answers.append(_pdu(_SUBMIT | 0x80000000, sequence, number + b"\0"))
            if self._receipts:
                answers.append(self._receipt(body, number))
        elif command == _DELIVER_RESP:
            counts.receipts += 1
            counts.last_receipt = time.time()
        elif command in _BINDS:
            answers.append(_pdu(command | 0x80000000, sequence, b"bench\0"))
        elif command in (_ENQUIRE, _UNBIND):
            answers.append(_pdu(command | 0x80000000, sequence, b""))

    def _receipt(self, body: bytes, number: bytes) -> bytes:
        source, destination = _addresses(body)
        text = (
            b"id:%s sub:001 dlvrd:001 submit date:2611240000 done date:2611240000 stat:DELIVRD err:000 text:"
            % number
        )
        self._sequence += 1
        fields = (
            b"\0\1\1" + destination + b"\0\1\1" + source + b"\0\4\0\0\0\0\0\0\0\0" + bytes([len(text)]) + text
        )
        return _pdu(5, self._sequence, fields)


def _addresses(body: bytes) -> tuple[bytes, bytes]:
    at = body.index(b"\0") + 3
    end = body.index(b"\0", at)
    source, at = body[at:end], end + 3
    return source, body[at : body.index(b"\0", at)]


def _pdu(command: int, sequence: int, body: bytes) -> bytes:
    return _HEAD.pack(16 + len(body), command, 0, sequence) + body


async def main(port: int, *, receipts: bool) -> None:
    counts, loop, stop = Counts(), asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        print(counts.taken, counts.receipts, counts.last_taken, counts.last_receipt, flush=True)

    loop.add_signal_handler(signal.SIGUSR1, tell)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: Smsc(counts, receipts=receipts), "127.0.0.1", port)
    print("ready", flush=True)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), receipts="--receipts" in sys.argv))
