"""Asks a platform about a message, its credit or its health, sending nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from disparo.domain.money import read_money
from disparo.domain.outcome import FailureClass, OutcomeKind, ReceiptEvent
from disparo.platforms.base import Answered, Balance, Health, NoAnswer
from disparo.platforms.generic_answers import Answers, holds
from disparo.platforms.generic_calls import CallMaker
from disparo.platforms.generic_receipts import read_event, status_at
from disparo.platforms.generic_rules import AskRules, BalanceRules, HealthRules, Question, meaning
from disparo.platforms.generic_settings import GenericHttpSettings
from disparo.platforms.http import HttpSender, NotStarted, NotTaken, Reply, Unknown
from disparo.platforms.json_paths import (
    as_it_came,
    at,
    content_of,
    first_at,
    listed,
    storable,
    text_at,
    text_of,
)
from disparo.platforms.unknown_codes import UnknownCodes

_OK = 200
#: It knows us not, or has no time for us; what is wrong on its side is 500 and more. 404 is of the message.
_ANSWERS_NOBODY, _FAULT = frozenset({401, 402, 403, 405, 407, 408, 425, 429}), 500
_LONGEST_RAW = 65_536
_LONGEST_AMOUNT = 200  # with what stands around it
_NUMBER = re.compile(r"([-+]?)([0-9][0-9.,]*)")


class Questions:
    """The questions to one platform, over its connections; never raises for what the other side does."""

    def __init__(
        self, settings: GenericHttpSettings, calls: CallMaker, sender: HttpSender, unknown: UnknownCodes
    ) -> None:
        self._settings = settings
        self._calls = calls
        self._sender = sender
        self._unknown = unknown
        self._answers = Answers(settings, unknown)

    async def fate(self, reference: str, platform_id: str | None) -> Answered | NoAnswer | None:
        """Ask what became of a message."""
        rules = self._settings.ask or self._settings.poll
        if rules is None or (needs_id(rules) and not platform_id):
            return None
        reply = await self._put(rules, reference=reference, platform_id=platform_id or "")
        if reply is None or reply.status in _ANSWERS_NOBODY or reply.status >= _FAULT:
            return NoAnswer()
        if reply.status != _OK:
            return None
        content = _content(reply, rules)
        items = (listed(at(content, rules.answer.items)) or []) if rules.answer.items else [content]
        named = [
            (event, item) for item in items if (event := self._event(item, rules, reference, platform_id))
        ]
        if not named:
            return None
        # Sent again, it may stand there twice under our reference.
        own = (each for each in named if platform_id and each[0].platform_id == platform_id)
        event, item = next(own, named[0])
        # Of several only its own: the others are of other people.
        said = text_of(reply.body) if len(items) == 1 else as_it_came(item)
        raw = storable(f"{rules.method}\n{said}")[:_LONGEST_RAW]
        return Answered(event._replace(reference=reference), raw)

    def _event(
        self, item: object, rules: AskRules, reference: str, platform_id: str | None
    ) -> ReceiptEvent | None:
        """Read what an answer says of the message that was asked about; None where it tells nothing of it."""
        # "I do not know it" is no answer, and what is not in the table tells nothing.
        if meaning(rules.answer.statuses, status_at(item, rules.answer)) is None:
            return None
        # An answer that came alone need not name the message it was asked about.
        alone = None if rules.answer.items else reference
        event = read_event(item, rules.answer, self._unknown, asked=alone)
        return event if event is not None and _is_of(event, reference, platform_id) else None

    async def balance(self) -> Balance | None:
        """Ask what credit is left."""
        rules = self._settings.balance
        reply = await self._put(rules) if rules is not None else None
        if rules is None or reply is None or reply.status != _OK:
            return None
        return _balance(reply, rules)

    async def health(self) -> Health | None:
        """Ask whether it is there; a platform with credit to ask for is well if it tells it."""
        rules: HealthRules | BalanceRules | None = self._settings.health or self._settings.balance
        if rules is None:
            return None
        reply = await self._put(rules)
        if reply is None:
            return Health(is_well=False, failure=FailureClass.NETWORK)
        if isinstance(rules, HealthRules):
            is_well = holds(rules.good, reply, content_of(reply.body))
            if is_well and not _is_fresh(content_of(reply.body), rules):
                return Health(is_well=False, failure=FailureClass.NETWORK, detail="not_seen")
        else:
            is_well = reply.status == _OK and _balance(reply, rules) is not None
        if is_well:
            return Health(is_well=True)
        outcome = self._answers.of_question(reply)
        failure = FailureClass.UNKNOWN if outcome.kind is OutcomeKind.ACCEPTED else outcome.failure
        return Health(is_well=False, failure=failure, detail=outcome.code or f"http_{reply.status}")

    async def _put(self, rules: Question, *, reference: str = "", platform_id: str = "") -> Reply | None:
        call = self._calls.question(rules, reference=reference, platform_id=platform_id)
        try:
            return await self._sender.send(call)
        except (NotTaken, NotStarted, Unknown):
            return None


def _is_fresh(content: object, rules: HealthRules) -> bool:
    if rules.seen is None:
        return True
    items = content if isinstance(content, list) else [content]
    seen = [moment for item in items if (moment := _moment(text_at(item, rules.seen))) is not None]
    # An answer without times tells nothing against the platform.
    return not seen or (datetime.now(UTC) - max(seen)).total_seconds() < rules.seen_within_s


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None


def read_amount(text: str, decimal: str | None = None) -> Decimal | None:
    """Read a number as platforms write it: 1200, "1.200", "50,35", "1.234,56", "R$ 9.90".

    `decimal`: the sign before its decimals, where that is known.
    """
    found = _NUMBER.search(text)
    amount = None
    if found:
        said = found[2].rstrip(".,")
        # With a comma and decimals behind it nothing is left to guess.
        amount = read_money(said if decimal is None else _with_decimals(said, decimal))
    return -amount if found and amount is not None and found[1] == "-" else amount


def _with_decimals(said: str, decimal: str) -> str:
    whole, _, rest = said.partition(decimal)
    return f"{whole.replace('.' if decimal == ',' else ',', '')},{rest}"


def _content(reply: Reply, rules: AskRules) -> object:
    if rules.text is None:
        return content_of(reply.body)
    found = re.search(rules.text, text_of(reply.body))
    return found.groupdict() if found else None


def _is_of(event: ReceiptEvent, reference: str, platform_id: str | None) -> bool:
    """Tell whether an answer speaks of the message that was asked about."""
    if event.reference is not None:
        return event.reference == reference
    return event.platform_id == platform_id


def _balance(reply: Reply, rules: BalanceRules) -> Balance | None:
    said = first_at(content_of(reply.body), rules.answer)
    if rules.regex is not None:
        found = re.search(rules.regex, text_of(reply.body))
        said = found[1] if found and found.groups() else None
    amount = _amount_of(said, rules.decimal)
    return None if amount is None or not amount.is_finite() else Balance(amount)


def _amount_of(said: str | float | None, decimal: str | None) -> Decimal | None:
    if said is None or isinstance(said, bool):
        return None
    # Of a number of JSON the point never parts thousands.
    return read_amount(said[:_LONGEST_AMOUNT], decimal) if isinstance(said, str) else Decimal(str(said))


def needs_id(rules: AskRules) -> bool:
    """Tell whether only the platform's own number names a message, which an uncertain one has not."""
    return "{id}" in repr((rules.path, rules.query, rules.json_body, rules.form, rules.xml))
