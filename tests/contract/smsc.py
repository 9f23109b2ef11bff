"""An SMSC on the wire: plain TCP, so that what is counted is what really arrived."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.loops import TIMEOUT_S

from disparo.domain.outcome import Outcome
from disparo.platforms.base import Heard, Outgoing, boottime_s
from disparo.platforms.registry import read_table
from disparo.platforms.smpp import pdu
from disparo.platforms.smpp.pdu import Command, Delivered, Pdu
from disparo.platforms.smpp.platform import Smpp

Answer = Callable[["Smsc", asyncio.StreamWriter, Pdu], Awaitable[None]]
BINDS = (Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER)


async def take(smsc: Smsc, writer: asyncio.StreamWriter, unit: Pdu) -> None:
    smsc.taken += 1
    writer.write(pdu.pack(unit.command | pdu.ANSWER, unit.sequence, b"ID-%d\0" % smsc.taken))


def refuse(status: int) -> Answer:
    async def answer(_smsc: Smsc, writer: asyncio.StreamWriter, unit: Pdu) -> None:
        writer.write(pdu.pack(unit.command | pdu.ANSWER, unit.sequence, status=status))

    return answer


async def hang(_smsc: Smsc, _writer: asyncio.StreamWriter, _unit: Pdu) -> None:
    pass


async def hang_first(smsc: Smsc, writer: asyncio.StreamWriter, unit: Pdu) -> None:
    if len(smsc.submitted) > 1:
        await take(smsc, writer, unit)


async def drop(_smsc: Smsc, writer: asyncio.StreamWriter, _unit: Pdu) -> None:
    writer.transport.abort()


@dataclass
class Smsc:
    """`answer` says what is done with each submit_sm; binds are taken unless `bind_status` says otherwise.

    `answers_binds` is cleared by who wants a bind's answer to wait. `most_bound`: refuses to bind any more.
    `nacks_binds`: answers them with a generic_nack. `hangs_up`: after each answer to one. `pulse_status`: of
    the answers to enquire_link.
    """

    answer: Answer = take
    bind_status: int = 0
    nacks_binds: bool = False
    hangs_up: bool = False
    port: int = 0
    taken: int = 0
    submitted: list[Delivered] = field(default_factory=list)
    binds: list[Pdu] = field(default_factory=list)
    most_bound: int = 1000
    bound: set[asyncio.StreamWriter] = field(default_factory=set)
    others: list[Pdu] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    open: int = 0
    is_mute: bool = False
    pulse_status: int = 0
    talks: set[asyncio.Task[None]] = field(default_factory=set)
    answers_binds: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answers_binds.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.open += 1
        self.talks.add(task := asyncio.current_task())
        task.add_done_callback(self.talks.discard)
        read = bytearray()
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65_536):
                read += data
                for unit in pdu.split(read):
                    await self._take(writer, unit)
        self.open -= 1
        self.bound.discard(writer)
        writer.close()

    async def _take(self, writer: asyncio.StreamWriter, unit: Pdu) -> None:
        if unit.command in BINDS:
            self.binds.append(unit)
            await self.answers_binds.wait()
            status = self.bind_status if len(self.bound) < self.most_bound else 0x0D  # ESME_RBINDFAIL
            self.bound.add(writer)
            answer = Command.GENERIC_NACK if self.nacks_binds else unit.command | pdu.ANSWER
            writer.write(pdu.pack(answer, unit.sequence, b"SMSC\0", status=status))
            if self.hangs_up:
                writer.close()
        elif unit.command == Command.SUBMIT_SM:
            self.submitted.append(pdu.read_delivered(unit.body))
            await self.answer(self, writer, unit)
        elif unit.command in (Command.ENQUIRE_LINK, Command.UNBIND):
            self.others.append(unit)
            if unit.command == Command.UNBIND:
                self.bound.discard(writer)
            if not self.is_mute:
                status = self.pulse_status if unit.command == Command.ENQUIRE_LINK else 0
                writer.write(pdu.pack(unit.command | pdu.ANSWER, unit.sequence, status=status))
        else:
            self.others.append(unit)

    async def until(self, condition: Callable[[], object], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)


@dataclass
class Ear:
    """What a platform's binds brought; `stores` says whether it is stored."""

    heard: list[tuple[Heard, str]] = field(default_factory=list)
    stores: bool = True

    def __call__(self, heard: Heard, raw: str, told: Callable[[bool], None]) -> None:
        self.heard.append((heard, raw))
        told(self.stores)


@asynccontextmanager
async def an_smsc(*, context: ssl.SSLContext | None = None, **changes: object) -> AsyncIterator[Smsc]:
    smsc = Smsc(**changes)
    server = await asyncio.start_server(smsc.serve, "127.0.0.1", smsc.port, ssl=context)
    smsc.port = server.sockets[0].getsockname()[1]
    yield smsc
    server.close()
    for talk in list(smsc.talks):
        talk.cancel()


def table(smsc: Smsc, **changes: object) -> dict[str, object]:
    return {
        "type": "smpp",
        "host": "127.0.0.1",
        "port": smsc.port,
        "tls": False,
        "system_id": "isp",
        "password": "segredo",
        "timeout_s": TIMEOUT_S,
        **changes,
    }


def platform_of(smsc: Smsc, **changes: object) -> Smpp:
    settings = read_table("p", table(smsc, **changes))
    return Smpp("p", settings)


@asynccontextmanager
async def bound(smsc: Smsc, ear: Ear | None = None, **changes: object) -> AsyncIterator[Smpp]:
    """A platform with its binds kept."""
    platform = platform_of(smsc, **changes)
    platform.listen(ear or Ear())
    await smsc.until(lambda: len(smsc.binds) >= changes.get("binds", 1))
    yield platform
    await platform.close()


def message(text: str = "Ola", *, number: int = 0, deadline_s: float | None = None) -> Outgoing:
    return Outgoing(
        reference=f"ref-{number}",
        e164=f"+55119888877{number:02d}",
        text=text,
        deadline_s=boottime_s() + 30 if deadline_s is None else deadline_s,
    )


async def one(platform: Smpp, text: str = "Ola") -> Outcome:
    (outcome,) = await platform.send([message(text)])
    return outcome


def deliver(
    content: bytes, *, sequence: int = 1, esm_class: int = 4, coding: int = 0, extra: bytes = b""
) -> bytes:
    body = (
        b"\0\x01\x015511988887777\0\x00\x00SMSC\0"
        + bytes((esm_class,))
        + b"\0\0\0\0\0\0"
        + bytes((coding, 0, len(content)))
        + content
        + extra
    )
    return pdu.pack(Command.DELIVER_SM, sequence, body)
