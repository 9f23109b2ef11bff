"""Lets no real SMS leave before the administrator allows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.platforms.base import (
    Answered,
    Balance,
    Capabilities,
    Health,
    Hear,
    Heard,
    Link,
    NoAnswer,
    Outgoing,
    Platform,
    Report,
    WebhookRequest,
)

REAL_SENDING_OFF = (
    "Envio real desligado: ponha o número em `test_numbers`, ou `real_sending = true`, na configuração "
    "(ou nas variáveis DISPARO_TEST_NUMBERS, DISPARO_REAL_SENDING=yes)."
)
_KEPT_BACK = Outcome(
    OutcomeKind.REFUSED,
    code="guard",
    detail=REAL_SENDING_OFF,
    failure=FailureClass.GUARD,
)


class Guarded:
    """A real platform that takes only test numbers; every other message fails in plain sight."""

    def __init__(self, platform: Platform, *, test_numbers: frozenset[str]) -> None:
        self._platform = platform
        self._test_numbers = test_numbers

    @property
    def name(self) -> str:
        """The guarded platform's name."""
        return self._platform.name

    @property
    def capabilities(self) -> Capabilities:
        """The guarded platform's."""
        return self._platform.capabilities

    def listen(self, hear: Hear) -> None:
        """Listen as ever: no SMS leaves by it."""
        self._platform.listen(hear)

    async def send(self, batch: Sequence[Outgoing], report: Report | None = None) -> list[Outcome]:
        """Hand over what goes to test numbers."""
        places = [place for place, message in enumerate(batch) if message.e164 in self._test_numbers]

        def of_allowed(place: int, outcome: Outcome) -> None:
            if report is not None:
                report(places[place], outcome)

        outcomes = [_KEPT_BACK] * len(batch)
        if places:
            sent = await self._platform.send([batch[place] for place in places], of_allowed)
            for place, outcome in zip(places, sent, strict=True):
                outcomes[place] = outcome
        return outcomes

    @property
    def unknown_codes(self) -> Mapping[str, int]:
        """The guarded platform's."""
        return self._platform.unknown_codes

    @property
    def clock_ahead_s(self) -> float | None:
        """The guarded platform's."""
        return self._platform.clock_ahead_s

    @property
    def link(self) -> Link | None:
        """The guarded platform's."""
        return self._platform.link

    async def ask(self, reference: str, platform_id: str | None = None) -> Answered | NoAnswer | None:
        """Ask as ever: no SMS leaves by it."""
        return await self._platform.ask(reference, platform_id)

    async def balance(self) -> Balance | None:
        """Ask as ever."""
        return await self._platform.balance()

    async def health(self) -> Health | None:
        """Ask as ever."""
        return await self._platform.health()

    def masked(self, text: str) -> str:
        """Hide secrets as ever."""
        return self._platform.masked(text)

    def parse_webhook(self, request: WebhookRequest) -> Heard:
        """Read calls as ever."""
        return self._platform.parse_webhook(request)

    async def close(self) -> None:
        """Give up connections."""
        await self._platform.close()
