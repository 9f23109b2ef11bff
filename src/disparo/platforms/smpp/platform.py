"""An SMSC as a platform: messages out as submit_sm, receipts and customers' texts in as deliver_sm."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.domain.sms_text import SegmentProfile
from disparo.platforms.base import (
    Answered,
    Balance,
    Capabilities,
    Exchange,
    Health,
    Hear,
    Heard,
    Outgoing,
    Report,
    WebhookRejected,
    WebhookRequest,
    boottime_s,
)
from disparo.platforms.http import CONNECT_TIMEOUT_S
from disparo.platforms.json_paths import storable
from disparo.platforms.smpp import pdu, text
from disparo.platforms.smpp.binds import Binds, Refused, open_session
from disparo.platforms.smpp.pdu import Address, Command, Delivered, Pdu
from disparo.platforms.smpp.receipts import Reading, read_heard, same_id
from disparo.platforms.smpp.session import Deliver, Lost, Session
from disparo.platforms.smpp.settings import SmppSettings
from disparo.platforms.smpp.statuses import outcome_of_status
from disparo.platforms.smpp.text import Written
from disparo.platforms.table import LEFT_OUT
from disparo.platforms.unknown_codes import UnknownCodes

#: A submit_sm's own text is no longer; a longer one goes as message_payload (§5.2.22).
_LONGEST_SHORT = 254
#: No worker has more in flight (delivery.md §9.3).
_WIDEST = 50
_RUNKNOWNERR = 0xFF
_NO_RECEIPT, _RECEIPT = 0, 1  # registered_delivery
_UNKNOWN = Outcome(OutcomeKind.AMBIGUOUS, code="no_answer", failure=FailureClass.NETWORK)
_NOT_STARTED = Outcome(OutcomeKind.NOT_STARTED)
_THROTTLED_PAUSE_S = 1.0

#: Gives a session with room, until a moment of the loop's clock; raises Refused.
_Find = Callable[[float], Awaitable[Session]]


class Smpp:
    """See `settings.SmppSettings` for what can be said.

    A worker keeps its binds (`listen`). Who only sends now and then, a test say, binds as a transmitter for
    that one message: receipts never come to somebody who cannot store them.
    """

    def __init__(self, name: str, settings: SmppSettings) -> None:
        self.name = name
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._unknown = UnknownCodes(name)
        self._binds = Binds(name, settings)
        self._head = pdu.write_submit_head(
            Address(settings.source_ton, settings.source_npi, settings.source),
            service_type=settings.service_type,
        )
        self._destination = bytes((settings.destination_ton, settings.destination_npi))
        self._skipped = LEFT_OUT[settings.number_format]
        self._references = itertools.cycle(range(256))
        for _ in range(random.randrange(256)):  # noqa: S311 - two workers' parts should not meet
            next(self._references)
        self._tails = {
            (coding, asked): pdu.write_submit_tail(
                registered_delivery=asked, data_coding=coding, validity=settings.validity
            )
            for coding in (settings.coding, text.UCS2)
            for asked in (_NO_RECEIPT, _RECEIPT)
        }
        self._reading = Reading(
            alphabet=settings.alphabet,
            receipt_ids=settings.receipt_ids,
            zone=settings.zone,
            states=settings.receipt_states,
            codes=settings.receipt_codes,
        )

    @property
    def unknown_codes(self) -> Mapping[str, int]:
        """How many codes no table knew, by where they stood."""
        return self._unknown.counts

    def listen(self, hear: Hear) -> None:
        """Open the binds and keep them; what they bring goes to `hear`."""
        self._binds.keep(self._deliver_to(hear))

    async def send(self, batch: Sequence[Outgoing], report: Report | None = None) -> list[Outcome]:
        """Hand over each message once; those of one SMS each go out together."""
        if self._binds.is_kept:
            return await self._send_all(batch, self._binds.session, report)
        try:
            session = await open_session(self._settings, Command.BIND_TRANSMITTER)
        except Refused as refused:
            return [_not_taken(refused)] * len(batch)
        try:
            return await self._send_all(batch, _only(session), report)
        finally:
            await session.leave()

    async def exchange(self, message: Outgoing) -> tuple[Outcome, Exchange]:
        """Hand over one message and tell both sides of it."""
        settings = self._settings
        written = self._write(message)
        shown = (
            f"bind_transmitter em {settings.where}, system_id {settings.system_id}, password ***\n"
            f"submit_sm de {settings.source or '(vazio)'} para {self._number(message)}, "
            f"data_coding {written.data_coding}, {len(written.parts)} parte(s)\n{message.text}"
        )
        (outcome,) = await self.send([message])
        said = "ESME_ROK" if outcome.kind is OutcomeKind.ACCEPTED else f"({outcome.code})"
        return outcome, Exchange(shown, f"{said} {outcome.platform_id or ''}".rstrip())

    async def ask(self, reference: str, platform_id: str | None = None) -> Answered | None:  # noqa: ARG002
        """SMSCs know nothing of our references, and of an uncertain message we know no id of theirs."""
        return None

    async def balance(self) -> Balance | None:
        """SMPP tells no credit."""
        return None

    async def health(self) -> Health | None:
        """Ask over a bind whether it is there; without one, bind to see whether it knows us."""
        try:
            if self._binds.is_kept:
                until = asyncio.get_running_loop().time() + CONNECT_TIMEOUT_S
                await (await self._binds.session(until)).ask(Command.ENQUIRE_LINK)
            else:
                session = await open_session(self._settings, Command.BIND_TRANSMITTER)
                await session.leave()
        except Refused as refused:
            return Health(is_well=False, failure=refused.failure, detail=refused.code)
        except Lost:
            return Health(is_well=False, failure=FailureClass.NETWORK, detail="no_answer")
        return Health(is_well=True)

    def parse_webhook(self, request: WebhookRequest) -> Heard:  # noqa: ARG002
        """SMSCs tell over their binds, and call nobody."""
        raise WebhookRejected("an SMSC has no webhook")

    async def close(self) -> None:
        """Say goodbye on every bind."""
        await self._binds.close()

    async def _send_all(self, batch: Sequence[Outgoing], find: _Find, report: Report | None) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}

        def tell(place: int, outcome: Outcome) -> None:
            outcomes[place] = outcome
            if report is not None:
                report(place, outcome)

        single: list[tuple[int, bytes, float]] = []
        long: list[tuple[int, Outgoing, Written]] = []
        for place, message in enumerate(batch):
            written = self._write(message)
            if len(written.parts) == 1:
                body = self._body(message, written.parts[0], written.data_coding)
                single.append((place, body, message.deadline_s))
            else:
                long.append((place, message, written))
        await self._send_single(single, find, tell)
        for place, message, written in long:
            tell(place, await self._send_parts(message, written, find))
        return [outcomes[place] for place in range(len(batch))]

    async def _send_single(self, waiting: list[tuple[int, bytes, float]], find: _Find, tell: Report) -> None:
        """Submit what waits, as much at once as a session has room for, and read every answer."""
        under_way: list[asyncio.Future[None]] = []
        until = asyncio.get_running_loop().time() + CONNECT_TIMEOUT_S
        while waiting:
            try:
                session = await find(until)
            except Refused as refused:
                for place, _, _ in waiting:
                    tell(place, _not_taken(refused))
                break
            group, waiting = waiting[: session.room], waiting[session.room :]
            now = boottime_s()
            timely = [(place, body) for place, body, deadline_s in group if now <= deadline_s]
            if len(timely) < len(group):
                for place, _, deadline_s in group:
                    if now > deadline_s:
                        tell(place, _NOT_STARTED)
            if timely:
                under_way.append(self._submit(session, timely, tell))
        for done in under_way:
            await done

    def _submit(
        self, session: Session, group: Sequence[tuple[int, bytes]], tell: Report
    ) -> asyncio.Future[None]:
        def answered(at: int, answer: Pdu | None) -> None:
            tell(group[at][0], self._outcome(answer))

        return session.submit([body for _, body in group], answered)

    async def _send_parts(self, message: Outgoing, written: Written, find: _Find) -> Outcome:
        """Submit a message's parts one after the other: nothing of one whose first part is refused arrives.

        The last part asks for the receipt, and its id is the message's: SMSCs keep the order of one sender.
        """
        total, reference = len(written.parts), next(self._references)
        until = asyncio.get_running_loop().time() + self._settings.timeout_s
        outcome = _UNKNOWN
        for number, octets in enumerate(written.parts, 1):
            header = text.join_header(reference, total, number)
            body = self._body(
                message, header + octets, written.data_coding, is_part=True, is_last=number == total
            )
            outcome = await self._send_part(message, body, find, until, is_first=number == 1)
            if outcome.kind is not OutcomeKind.ACCEPTED:
                return outcome if number == 1 else replace(_UNKNOWN, code=f"{outcome.code}, part {number}")
        return replace(outcome, segments=total)

    async def _send_part(
        self, message: Outgoing, body: bytes, find: _Find, until: float, *, is_first: bool
    ) -> Outcome:
        """Submit one part; one after the first that was surely not taken, again and again until then."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                session = await find(until)
            except Refused as refused:
                return _not_taken(refused)
            if is_first and boottime_s() > message.deadline_s:
                return _NOT_STARTED
            outcome = await self._submit_one(session, body)
            again = outcome.kind is OutcomeKind.NOT_TAKEN and not is_first
            if not again or loop.time() + _THROTTLED_PAUSE_S > until:
                return outcome
            await asyncio.sleep(_THROTTLED_PAUSE_S)

    async def _submit_one(self, session: Session, body: bytes) -> Outcome:
        said: list[Pdu | None] = []
        await session.submit([body], lambda _place, answer: said.append(answer))
        return self._outcome(said[0])

    def _outcome(self, answer: Pdu | None) -> Outcome:
        if answer is None:
            return _UNKNOWN
        if answer.status or answer.command == Command.GENERIC_NACK:
            return outcome_of_status(answer.status or _RUNKNOWNERR, self._settings.codes, self._unknown)
        message_id = same_id(pdu.read_message_id(answer.body))
        return Outcome(OutcomeKind.ACCEPTED, platform_id=message_id or None)

    def _write(self, message: Outgoing) -> Written:
        settings = self._settings
        written = text.write(message.text, settings.alphabet, settings.coding, self.capabilities.profile)
        if len(written.parts) > 1 and settings.long_texts == "payload":
            return Written((b"".join(written.parts),), written.data_coding)
        return written

    def _number(self, message: Outgoing) -> str:
        return message.e164[self._skipped :]

    def _body(
        self, message: Outgoing, octets: bytes, coding: int, *, is_part: bool = False, is_last: bool = True
    ) -> bytes:
        payload = b"" if len(octets) <= _LONGEST_SHORT else pdu.write_payload(octets)
        short = b"" if payload else octets
        return b"".join(
            (
                self._head,
                self._destination,
                self._number(message).encode("ascii"),
                b"\0\x40" if is_part else b"\0\0",  # the address's end; esm_class
                self._tails[coding, _RECEIPT if is_last else _NO_RECEIPT],
                bytes((len(short),)),
                short,
                payload,
            )
        )

    def _deliver_to(self, hear: Hear) -> Deliver:
        def deliver(body: bytes, told: Callable[[bool], None]) -> None:
            delivered = pdu.read_delivered(body)
            heard = read_heard(delivered, self._reading, self._unknown)
            if heard.receipts or heard.texts:
                hear(heard, _raw(delivered), told)
            else:
                told(True)  # noqa: FBT003 - a callback's only word

        return deliver


def capabilities_of(settings: SmppSettings) -> Capabilities:
    """Tell what a table makes of a platform."""
    return Capabilities(
        max_batch=settings.bind_window,
        window=min(_WIDEST, settings.binds * settings.bind_window),
        shared_window=settings.window,
        per_second=settings.per_second,
        per_day=settings.per_day,
        profile=SegmentProfile(**settings.segments.model_dump()),
        receipts=True,
        handset_receipts=True,
        inbound=True,
        has_health=True,
    )


def _only(session: Session) -> _Find:
    async def find(_until: float) -> Session:
        if not session.room:
            raise Refused("bind_lost", FailureClass.NETWORK)
        return session

    return find


def _not_taken(refused: Refused) -> Outcome:
    return Outcome(OutcomeKind.NOT_TAKEN, code=refused.code, failure=refused.failure)


def _raw(delivered: Delivered) -> str:
    """Give what came as text that PostgreSQL can hold."""
    optional = " ".join(f"{tag:04X}={value.hex()}" for tag, value in delivered.optional.items())
    return storable(
        f"deliver_sm {delivered.source.address} > {delivered.destination.address} "
        f"esm_class={delivered.esm_class} data_coding={delivered.data_coding} {optional}\n"
        f"{delivered.content.decode('latin-1')}"
    )
