"""The simulator's SMPP side: an SMSC that takes any name and password.

It answers as the behaviour says; in `bad_auth` it also refuses to be bound to. Receipts go to whoever is
bound as a receiver, and again to the next one until somebody takes them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import cast

from disparo.domain.sms_text import SegmentProfile
from disparo.platforms.simulator.behaviour import Behaviour
from disparo.platforms.simulator.reception import Reception
from disparo.platforms.simulator.store import Entry
from disparo.platforms.smpp import pdu, text
from disparo.platforms.smpp.pdu import Address, Command, Delivered, Pdu

#: Where an HTTP message names an address for its receipts, one of ours names this.
CALLBACK = "smpp"

_RECEIVERS = frozenset({Command.BIND_RECEIVER, Command.BIND_TRANSCEIVER})
_RINVPASWD, _RINVCMDID, _RSYSERR = 0x0E, 0x03, 0x08
_STATUS_OF = {
    "throttle": 0x58,
    "no_credit": 0x0400,
    "bad_auth": 0x0F,
    "error": _RSYSERR,
    "error_taken": _RSYSERR,
}
_STATUS_OF_REFUSAL = {"invalid_number": 0x0B, "content": 0x01}
_RSUBMITFAIL = 0x45
_STATES = {"sent": "ACCEPTD", "delivered": "DELIVRD", "undelivered": "UNDELIV", "strange": "STRANGE"}
_ACK_PATIENCE_S = 10.0
_HAS_HEADER, _IS_RECEIPT = 0x40, 0x04
_WHOLE = SegmentProfile(single=254)


class Smsc:
    """The door for SMPP; `tell` brings a receipt to somebody who is bound."""

    def __init__(self, reception: Reception, behaviour: Callable[[], Behaviour]) -> None:
        self.reception = reception
        self.behaviour = behaviour
        self.receivers: list[Link] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self._turn = itertools.count()
        #: Of long texts; their parts may come over several links.
        self.parts: dict[tuple[str, int], dict[int, str]] = {}

    async def tell(self, message: Entry, receipt: Mapping[str, object]) -> bool:
        """Bring one receipt; tells whether it was taken."""
        if not self.receivers:
            return False
        link = self.receivers[next(self._turn) % len(self.receivers)]
        return await link.deliver(_receipt(message, receipt))

    async def say(self, sender: str, words: str) -> bool:
        """Bring a text that a customer wrote; tells whether it was taken."""
        octets = text.write(words, "gsm7", 0, _WHOLE).parts[0]
        return bool(self.receivers) and await self.receivers[0].deliver(_body(sender, "", 0, octets))

    async def close(self) -> None:
        """Hang up on everybody."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Link(asyncio.Protocol):
    """One connection of somebody who sends and listens (an ESME)."""

    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc
        self._read = bytearray()
        self._sequence = 0
        self._waiting: dict[int, asyncio.Future[bool]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """What was not acknowledged comes again."""
        if self in self._smsc.receivers:
            self._smsc.receivers.remove(self)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(False)

    def data_received(self, data: bytes) -> None:
        """Take every PDU that is whole."""
        self._read += data
        try:
            for unit in pdu.split(self._read):
                self._take(unit)
        except pdu.Malformed:
            self._transport.abort()

    async def deliver(self, body: bytes) -> bool:
        """Bring a deliver_sm; tells whether it was acknowledged."""
        self._sequence = sequence = pdu.next_sequence(self._sequence)
        waiting = self._waiting[sequence] = asyncio.get_running_loop().create_future()
        self._transport.write(pdu.pack(Command.DELIVER_SM, sequence, body))
        try:
            async with asyncio.timeout(_ACK_PATIENCE_S):
                return bool(await waiting)
        except TimeoutError:
            return False
        finally:
            del self._waiting[sequence]

    def _take(self, unit: Pdu) -> None:
        command, sequence = unit.command, unit.sequence
        if command == Command.SUBMIT_SM:
            task = asyncio.create_task(self._submitted(sequence, pdu.read_delivered(unit.body)))
            self._smsc.tasks.add(task)
            task.add_done_callback(self._smsc.tasks.discard)
        elif command == Command.DELIVER_SM | pdu.ANSWER:
            waiting = self._waiting.get(sequence)
            if waiting is not None and not waiting.done():
                waiting.set_result(unit.status == 0)
        elif command in (Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER):
            self._bind(command, sequence)
        elif command in (Command.ENQUIRE_LINK, Command.UNBIND):
            self._answer(command, sequence)
        elif not command & pdu.ANSWER:
            self._transport.write(pdu.pack(Command.GENERIC_NACK, sequence, status=_RINVCMDID))

    def _bind(self, command: int, sequence: int) -> None:
        if self._smsc.behaviour().mode == "bad_auth":
            self._answer(command, sequence, status=_RINVPASWD)
            return
        self._answer(command, sequence, b"SIMULADA\0")
        if command in _RECEIVERS:
            self._smsc.receivers.append(self)

    def _answer(self, command: int, sequence: int, body: bytes = b"", *, status: int = 0) -> None:
        self._transport.write(pdu.pack(command | pdu.ANSWER, sequence, body, status=status))

    async def _submitted(self, sequence: int, message: Delivered) -> None:
        words = self._whole(message)
        if words is None:
            self._answer(Command.SUBMIT_SM, sequence, b"part\0")
            return
        smsc, to = self._smsc, "+" + message.destination.address.lstrip("+")
        callback = CALLBACK if message.registered_delivery else ""
        entry = smsc.reception.take({"to": to, "text": words, "reference": "", "callback": callback})
        try:
            if latency_ms := smsc.behaviour().latency_ms:
                await asyncio.sleep(latency_ms / 1000)
            self._answer_as(entry, sequence)
        finally:
            smsc.reception.note_answered(entry)

    def _answer_as(self, entry: Entry, sequence: int) -> None:
        mode, code = entry["mode"], self._smsc.behaviour().code
        if mode == "accept":
            self._answer(Command.SUBMIT_SM, sequence, entry["id"].encode() + b"\0")
        elif mode == "refuse":
            self._answer(Command.SUBMIT_SM, sequence, status=_STATUS_OF_REFUSAL.get(code, _RSUBMITFAIL))
        elif mode in _STATUS_OF:
            self._answer(Command.SUBMIT_SM, sequence, status=_STATUS_OF[mode])
        elif mode in ("garbage", "huge", "redirect"):
            self._transport.write(b"\xff" * 64)
        elif mode == "cut":
            self._transport.write(pdu.pack(Command.SUBMIT_SM | pdu.ANSWER, sequence, b"0123\0")[:18])
            self._transport.close()
        elif mode != "hang":
            self._transport.abort()

    def _whole(self, message: Delivered) -> str | None:
        """Give a message's words; None for a part whose others are still to come."""
        octets = message.content
        if not message.esm_class & _HAS_HEADER:
            return text.read(octets, message.data_coding, "gsm7")
        reference, total, number = octets[3], octets[4], octets[5]
        words = text.read(text.without_header(octets), message.data_coding, "gsm7")
        parts = self._smsc.parts.setdefault((message.destination.address, reference), {})
        parts[number] = words
        if len(parts) < total:
            return None
        del self._smsc.parts[message.destination.address, reference]
        return "".join(parts[each] for each in sorted(parts))


def _receipt(message: Entry, receipt: Mapping[str, object]) -> bytes:
    state, code, now = _STATES[str(receipt["status"])], receipt["code"] or "000", datetime.now(UTC)
    words = (
        f"id:{message['id']} sub:001 dlvrd:001 submit date:{now:%y%m%d%H%M} "
        f"done date:{now:%y%m%d%H%M%S} stat:{state} err:{code} text:"
    )
    return _body(message["to"].lstrip("+"), "SIMULADA", _IS_RECEIPT, words.encode("latin-1", "replace"))


def _body(source: str, destination: str, esm_class: int, octets: bytes) -> bytes:
    return b"".join(
        (
            pdu.write_submit_head(Address(1, 1, source), service_type=""),
            pdu.write_address(Address(0, 0, destination)),
            bytes((esm_class,)),
            pdu.write_submit_tail(registered_delivery=0, data_coding=0, validity=""),
            bytes((len(octets),)),
            octets,
        )
    )
