"""An SMSC as a platform: submit_sm takes messages out, deliver_sm and data_sm bring receipts and texts in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

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
    Link,
    Outgoing,
    Report,
    WebhookRejected,
    WebhookRequest,
    boottime_s,
)
from disparo.platforms.http import CONNECT_TIMEOUT_S
from disparo.platforms.json_paths import storable
from disparo.platforms.smpp import pdu
from disparo.platforms.smpp.binds import Binds, Refused, open_session
from disparo.platforms.smpp.long_text import Find, LongText, most_parts
from disparo.platforms.smpp.pdu import Command, Delivered, Pdu
from disparo.platforms.smpp.receipts import Reading, read_heard, same_id
from disparo.platforms.smpp.session import Deliver, Lost, Session
from disparo.platforms.smpp.settings import SmppSettings
from disparo.platforms.smpp.statuses import is_name, outcome_of_status, status_of
from disparo.platforms.smpp.writer import Writer
from disparo.platforms.unknown_codes import UnknownCodes

#: No worker has more in flight (docs/delivery.md §9.3).
_WIDEST = 50
#: As what came is kept: `deliver_sm`.
_NAMES = {int(each): each.name.lower() for each in Command}
_UNKNOWN = Outcome(OutcomeKind.AMBIGUOUS, code="no_answer", failure=FailureClass.NETWORK)
_NOT_STARTED = Outcome(OutcomeKind.NOT_STARTED)


class Smpp:
    """An SMSC that `settings.SmppSettings` describes."""

    def __init__(self, name: str, settings: SmppSettings) -> None:
        self.name = name
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._unknown = UnknownCodes(name)
        self._binds = Binds(name, settings)
        self._writer = Writer(settings)
        self._reading = Reading(
            alphabet=settings.alphabet,
            receipt_ids=settings.receipt_ids,
            zone=settings.zone,
            states=settings.receipt_states,
            codes=settings.receipt_codes,
            as_texts=settings.receipts_as_texts,
        )

    @property
    def unknown_codes(self) -> Mapping[str, int]:
        """How many codes no table knew, by where they stood."""
        return self._unknown.counts

    @property
    def clock_ahead_s(self) -> float | None:
        """SMPP tells nobody the time."""
        return None

    @property
    def link(self) -> Link | None:
        """Its binds: an account has few, and other workers may have them all."""
        return self._binds.link

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
            return [refused.outcome()] * len(batch)
        try:
            return await self._send_all(batch, _only(session), report)
        finally:
            await session.leave()

    async def exchange(self, message: Outgoing) -> tuple[Outcome, Exchange]:
        """Hand over one message and tell both sides of it."""
        settings = self._settings
        parts = len(self._writer.bodies(message))
        shown = (
            f"bind_transmitter em {settings.where}, system_id {settings.system_id}, password ***\n"
            f"submit_sm de {settings.source or '(vazio)'} para {self._writer.number(message)}, "
            f"{parts} parte(s)\n{message.text}"
        )
        (outcome,) = await self.send([message])
        if outcome.kind is OutcomeKind.ACCEPTED:
            return outcome, Exchange(shown, f"ESME_ROK {outcome.platform_id or ''}".rstrip())
        said = outcome.code or ""
        return outcome, Exchange(shown, said if is_name(said) else "")

    async def ask(self, reference: str, platform_id: str | None = None) -> Answered | None:  # noqa: ARG002 - it cannot be asked
        """SMSCs know nothing of our references, and of an uncertain message we know no id of theirs."""
        return None

    async def balance(self) -> Balance | None:
        """SMPP tells no credit."""
        return None

    async def health(self) -> Health | None:
        """Ask over a bind whether it is there; who keeps none does not take one from the workers to ask."""
        if not self._binds.is_kept:
            return None
        until = asyncio.get_running_loop().time() + CONNECT_TIMEOUT_S
        try:
            await (await self._binds.session(until)).ask(Command.ENQUIRE_LINK)
        except Refused as refused:
            return Health(is_well=False, failure=refused.failure, detail=refused.code)
        except Lost:
            return Health(is_well=False, failure=FailureClass.NETWORK)
        return Health(is_well=True)

    def masked(self, text: str) -> str:
        """Give it as it is: what an SMSC tells over a bind names no secret."""
        return text

    def parse_webhook(self, request: WebhookRequest) -> Heard:  # noqa: ARG002 - there is none
        """SMSCs tell over their binds, and call nobody."""
        raise WebhookRejected("an SMSC has no webhook")

    async def close(self) -> None:
        """Say goodbye on every bind."""
        await self._binds.close()

    async def _send_all(self, batch: Sequence[Outgoing], find: Find, report: Report | None) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}

        def tell(place: int, outcome: Outcome) -> None:
            outcomes[place] = outcome
            if report is not None:
                report(place, outcome)

        single: list[tuple[int, bytes, float]] = []
        long: list[tuple[int, list[bytes], Outgoing]] = []
        for place, message in enumerate(batch):
            bodies = self._writer.bodies(message)
            if len(bodies) == 1:
                single.append((place, bodies[0], message.deadline_s))
            else:
                long.append((place, bodies, message))

        async def send_long(place: int, bodies: Sequence[bytes], message: Outgoing) -> None:
            within_s, late = self._settings.timeout_s, partial(tell, place)
            sending = LongText(message, find, self._submit_one, within_s, tell_late=late)
            tell(place, await sending.send(bodies))

        slot_ends_s = min(message.slot_ends_s for message in batch)
        await asyncio.gather(
            self._send_single(single, find, tell, slot_ends_s), *(send_long(*each) for each in long)
        )
        return [outcomes[place] for place in range(len(batch))]

    async def _send_single(
        self, waiting: list[tuple[int, bytes, float]], find: Find, tell: Report, slot_ends_s: float
    ) -> None:
        """Submit what waits, as much at once as a session has room for, and read every answer."""
        under_way: list[asyncio.Future[None]] = []
        until = asyncio.get_running_loop().time() + min(CONNECT_TIMEOUT_S, slot_ends_s - boottime_s())
        while waiting:
            try:
                session = await find(until)
            except Refused as refused:
                for place, _, _ in waiting:
                    tell(place, refused.outcome(slot_ends_s))
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

    async def _submit_one(
        self, session: Session, body: bytes, tell_late: Callable[[Outcome], None]
    ) -> Outcome:
        said: list[Outcome] = []

        def answered(_at: int, answer: Pdu | None) -> None:
            said.append(self._outcome(answer))
            if len(said) > 1:
                tell_late(said[-1])

        await session.submit([body], answered)
        return said[0]

    def _outcome(self, answer: Pdu | None) -> Outcome:
        if answer is None:
            return _UNKNOWN
        if status := status_of(answer):
            return outcome_of_status(status, self._settings.codes, self._unknown)
        message_id = same_id(pdu.read_message_id(answer.body))
        return Outcome(OutcomeKind.ACCEPTED, platform_id=message_id or None)

    def _deliver_to(self, hear: Hear) -> Deliver:
        def deliver(unit: Pdu, told: Callable[[bool], None]) -> None:
            delivered = pdu.read_told(unit)
            heard = read_heard(delivered, self._reading, self._unknown)
            if heard.receipts or heard.texts:
                hear(heard, _raw(_NAMES[unit.command], delivered), told)
            else:
                told(True)  # noqa: FBT003 - a callback's only word

        return deliver


def capabilities_of(settings: SmppSettings) -> Capabilities:
    """Tell what a table makes of a platform."""
    profile = SegmentProfile(**settings.segments.model_dump(), alphabet=settings.alphabet)
    counts_parts = settings.long_texts == "parts"  # each is a submit_sm
    most = most_parts(per_second=settings.per_second, per_day=settings.per_day)
    return Capabilities(
        max_batch=settings.bind_window,
        answer_within_s=settings.timeout_s,
        window=min(_WIDEST, settings.binds * settings.bind_window),
        shared_window=settings.window,
        per_second=settings.per_second,
        per_day=settings.per_day,
        limits_count_parts=counts_parts,
        profile=profile.at_most(most) if counts_parts else profile,
        receipts=True,
        handset_receipts=True,
        inbound=True,
        has_health=True,
    )


def _only(session: Session) -> Find:
    async def find(_until: float) -> Session:
        if not session.room:
            raise Refused("bind_lost", FailureClass.NETWORK)
        return session

    return find


def _raw(command: str, delivered: Delivered) -> str:
    """Give what came as text that PostgreSQL can hold."""
    optional = " ".join(f"{tag:04X}={value.hex()}" for tag, value in delivered.optional.items())
    return storable(
        f"{command} {delivered.source.address} > {delivered.destination.address} "
        f"esm_class={delivered.esm_class} data_coding={delivered.data_coding} {optional}\n"
        f"{delivered.content.decode('latin-1')}"
    )
