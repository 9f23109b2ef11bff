"""A platform by configuration alone: its table says what to write and how to read the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from disparo.domain.outcome import Outcome, OutcomeKind, ReceiptKind
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
    NoAnswer,
    Outgoing,
    Report,
    WebhookRequest,
)
from disparo.platforms.generic_answers import Answers, outcome_of_failure
from disparo.platforms.generic_calls import CallMaker
from disparo.platforms.generic_questions import Questions, needs_id
from disparo.platforms.generic_receipts import read_call
from disparo.platforms.generic_settings import GenericHttpSettings
from disparo.platforms.http import HttpSender, NotStarted, NotTaken, Unknown
from disparo.platforms.json_paths import text_of
from disparo.platforms.unknown_codes import UnknownCodes


class GenericHttp:
    """A platform that `generic_settings.GenericHttpSettings` describes."""

    def __init__(self, name: str, settings: GenericHttpSettings, *, receipt_url: str | None = None) -> None:
        self.name = name
        self.capabilities = capabilities_of(settings)
        self._settings = settings
        self._unknown = UnknownCodes(name)
        self._calls = CallMaker(settings, receipt_url=receipt_url or "")
        self._answers = Answers(settings, self._unknown)
        self._sender = HttpSender(timeout_s=settings.timeout_s)
        self._questions = Questions(settings, self._calls, self._sender, self._unknown)

    def listen(self, hear: Hear) -> None:
        """It calls our webhook."""

    @property
    def unknown_codes(self) -> Mapping[str, int]:
        """How many codes no table knew, by where they stood."""
        return self._unknown.counts

    @property
    def clock_ahead_s(self) -> float | None:
        """How far its clock is ahead of ours; our simulator's is our own, and proves nothing."""
        return None if self._settings.type == "simulator" else self._sender.clock.ahead_s

    @property
    def link(self) -> Link | None:
        """Each call has a connection of its own, or one that is at hand."""
        return None

    async def send(self, batch: Sequence[Outgoing], report: Report | None = None) -> list[Outcome]:
        """Hand over in one call where the platform takes several at once, else each in a call of its own.

        A call of several that is turned down as a whole is made again in halves, until it is known why; what
        is known of a half is told at once.
        """
        if not batch:
            return []
        if self._settings.batch is not None:
            return await self._hand_over(batch, report)
        return [outcome for message in batch for outcome in await self._hand_over([message], None)]

    async def exchange(self, message: Outgoing) -> tuple[Outcome, Exchange]:
        """Hand over one message and give both sides of the call, secrets masked."""
        call = self._calls.hand_over([message])
        shown = self._calls.shown(call)
        try:
            reply = await self._sender.send(call)
        except (NotTaken, NotStarted, Unknown) as error:
            return outcome_of_failure(error), Exchange(shown, "")
        answer = f"HTTP {reply.status}\n{_lines(reply.headers)}\n{text_of(reply.body)}"
        (outcome,) = self._answers.read(reply, [message]).outcomes
        return outcome, Exchange(shown, self._calls.mask(answer))

    async def ask(self, reference: str, platform_id: str | None = None) -> Answered | NoAnswer | None:
        """Ask what became of a message, by our reference or the platform's id."""
        return await self._questions.fate(reference, platform_id)

    async def balance(self) -> Balance | None:
        """Ask what credit is left."""
        return await self._questions.balance()

    async def health(self) -> Health | None:
        """Ask whether it is there and knows us."""
        return await self._questions.health()

    def masked(self, text: str) -> str:
        """Hide the table's secrets in what is kept of a call."""
        return self._calls.mask(text)

    def parse_webhook(self, request: WebhookRequest) -> Heard:
        """Read one webhook call."""
        return read_call(request, self._settings.receipts, self._settings.inbound, self._unknown)

    async def close(self) -> None:
        """Give up connections."""
        await self._sender.close()

    async def _hand_over(
        self, batch: Sequence[Outgoing], report: Report | None, *, is_half: bool = False
    ) -> list[Outcome]:
        outcomes = await self._call(batch)
        if outcomes is None:
            return await self._hand_over_in_halves(batch, report)
        if is_half and report is not None:
            for place, outcome in enumerate(outcomes):
                report(place, outcome)
        return outcomes

    async def _call(self, batch: Sequence[Outgoing]) -> list[Outcome] | None:
        """Make one call; None where several messages were turned down as a whole."""
        try:
            reply = await self._sender.send(self._calls.hand_over(batch))
        except (NotTaken, NotStarted, Unknown) as error:
            return [outcome_of_failure(error)] * len(batch)
        said = self._answers.read(reply, batch)
        return said.outcomes if said.of_each or said.outcomes[0].kind is not OutcomeKind.REFUSED else None

    async def _hand_over_in_halves(self, batch: Sequence[Outgoing], report: Report | None) -> list[Outcome]:
        # All of it was turned down, most often for one of them: halves of it tell which one. What was turned
        # down had no effect, so each message is still written at most once where it may have one.
        half = len(batch) // 2

        def of_the_second(place: int, outcome: Outcome) -> None:
            if report is not None:
                report(half + place, outcome)

        first, second = await asyncio.gather(
            self._hand_over(batch[:half], report, is_half=True),
            self._hand_over(batch[half:], of_the_second, is_half=True),
        )
        return first + second


def capabilities_of(settings: GenericHttpSettings) -> Capabilities:
    """Tell what a table makes of a platform."""
    receipts, balance, poll = settings.receipts, settings.balance, settings.poll
    asked = settings.ask or poll
    told = set(receipts.statuses.values()) if receipts else set()
    bodies = settings.json_body, settings.form, settings.xml, settings.batch
    written = repr((*bodies, settings.query, settings.headers))
    return Capabilities(
        max_batch=settings.batch.max if settings.batch else 1,
        answer_within_s=settings.timeout_s,
        shared_window=settings.window,
        per_second=settings.per_second,
        per_day=settings.per_day,
        profile=SegmentProfile(**settings.segments.model_dump()),
        tries_are_safe_s=settings.tries_are_safe_s,
        receipts=receipts is not None,
        handset_receipts={ReceiptKind.SENT, ReceiptKind.DELIVERED} <= told,
        inbound=settings.inbound is not None,
        receipt_reply=receipts.reply if receipts else "OK",
        can_be_asked=asked is not None and not needs_id(asked),
        poll_after_s=poll.after_s if poll else None,
        ask_every_s=asked.every_s if asked else 0.0,
        client_reference="{referencia}" in written,
        has_balance=balance is not None,
        low_balance=balance.low if balance else None,
        has_health=balance is not None or settings.health is not None,
    )


def _lines(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())
