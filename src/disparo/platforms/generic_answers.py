"""Reads a platform's answer to a hand-over: one outcome for each message, whatever it says."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.platforms.base import Outgoing
from disparo.platforms.clock import read_date
from disparo.platforms.generic_rules import Condition, meaning, outcome_of
from disparo.platforms.generic_settings import GenericHttpSettings
from disparo.platforms.http import NotStarted, NotTaken, Reply
from disparo.platforms.json_paths import (
    LONGEST_NAME,
    as_it_came,
    at,
    content_of,
    listed,
    storable,
    text_at,
    text_of,
)
from disparo.platforms.unknown_codes import UnknownCodes

_K, _F = OutcomeKind, FailureClass
#: How a status code reads where the settings say nothing. A request that was understood and turned down
#: had no effect; 5xx, 3xx and anything unknown may have had one.
_BY_STATUS: Mapping[int, tuple[OutcomeKind, FailureClass]] = {
    400: (_K.REFUSED, _F.UNKNOWN),
    401: (_K.NOT_TAKEN, _F.AUTH),
    402: (_K.NOT_TAKEN, _F.CREDIT),
    403: (_K.NOT_TAKEN, _F.AUTH),
    404: (_K.NOT_TAKEN, _F.AUTH),
    405: (_K.NOT_TAKEN, _F.AUTH),
    413: (_K.REFUSED, _F.CONTENT),
    415: (_K.NOT_TAKEN, _F.AUTH),
    422: (_K.REFUSED, _F.UNKNOWN),
    429: (_K.NOT_TAKEN, _F.THROTTLE),
}
_LONGEST_CODE, _BAD_REQUEST = 100, 400
#: Some give it where they have no id, or no error.
_FALSE = "false"
#: No platform counts from 0: it is what a number is where nothing was stored.
_NO_ID = frozenset({_FALSE, "0"})
#: What these say marks a phone, for good.
_OF_ONE_NUMBER = frozenset({_F.NUMBER, _F.OPT_OUT})
_LACKING = Outcome(_K.AMBIGUOUS, code="item_missing", failure=_F.UNKNOWN)


class Said(NamedTuple):
    """The outcomes of a call, in the order of its messages; and whether the platform named each message."""

    outcomes: list[Outcome]
    of_each: bool = True


class Answers:
    """The table of one platform's answers."""

    def __init__(self, settings: GenericHttpSettings, unknown: UnknownCodes) -> None:
        self._settings = settings
        self._unknown = unknown
        conditions = [*settings.errors, *settings.success]
        patterns = settings.id_regex, settings.code_regex, *(each.regex for each in conditions)
        self._reads_text = any(pattern is not None for pattern in patterns)

    def read(self, reply: Reply, batch: Sequence[Outgoing]) -> Said:
        """Give each message's outcome."""
        content = content_of(reply.body)
        rules = self._settings.batch
        if rules is None:
            return Said([self._one(reply, content)])
        found = at(content, rules.items) if rules.items else content
        # Some answer a list of one with its only item.
        items = [found] if isinstance(found, dict) and len(batch) == 1 else listed(found)
        if not items:
            return Said([self._whole(reply, content, len(batch))] * len(batch), of_each=len(batch) == 1)
        if rules.reference is None:
            # In the order of the messages: if one lacks, nobody knows which.
            whole = len(items) == len(batch)
            return Said([self._item(reply, item) for item in items] if whole else [_LACKING] * len(batch))
        named = {text_at(item, rules.reference): item for item in items}
        each = [named.get(message.reference) for message in batch]
        return Said([_LACKING if item is None else self._item(reply, item) for item in each])

    def of_question(self, reply: Reply) -> Outcome:
        """Read what a platform says to a question as if it had been a hand-over: why it does not answer."""
        return self._one(reply, content_of(reply.body))

    def _whole(self, reply: Reply, content: object, count: int) -> Outcome:
        """Read an answer to a batch that speaks of no single message: nobody knows whose number it means."""
        outcome = self._one(reply, content)
        if outcome.kind is _K.ACCEPTED:
            return _LACKING._replace(code="no_items")
        is_of_one = outcome.failure in _OF_ONE_NUMBER and count > 1
        return outcome._replace(failure=_F.UNKNOWN) if is_of_one else outcome

    def _item(self, reply: Reply, item: object) -> Outcome:
        """Read what is said of one message: a pattern must not find what is said of the others."""
        own = as_it_came(item).encode("utf-8", "replace") if self._reads_text else b""
        reply = reply._replace(body=own)
        outcome = self._one(reply, item)
        if reply.status < _BAD_REQUEST or not self._may_be_taken(reply, item):
            return outcome
        # The call stopped at another one, for its credit or its limit: this one was before.
        return Outcome(_K.AMBIGUOUS, self._id(reply, item), code=f"http_{reply.status}", failure=_F.UNKNOWN)

    def _may_be_taken(self, reply: Reply, item: object) -> bool:
        """Tell whether an item says of itself what those that are taken say, whatever the call's status."""
        said, settings = self._code(reply, item), self._settings
        of_item = [each for each in settings.errors if each.path or each.regex]
        if (said and meaning(settings.codes, said)) or any(holds(each, reply, item) for each in of_item):
            return False
        told = [each for each in settings.success if each.path or each.regex]
        return self._id(reply, item) is not None or any(
            holds(each.model_copy(update={"status": None}), reply, item) for each in told
        )

    def _one(self, reply: Reply, content: object) -> Outcome:
        said = self._code(reply, content)
        code = said or f"http_{reply.status}"
        for rule in self._settings.errors:
            if holds(rule, reply, content):
                kind = rule.outcome or outcome_of(rule.failure)
                wait_s = rule.retry_after_s or _retry_after(reply)
                return Outcome(kind, code=code, failure=rule.failure, retry_after_s=wait_s)
        known = meaning(self._settings.codes, said) if said else None
        if known is not None:
            return Outcome(outcome_of(known), code=code, failure=known, retry_after_s=_retry_after(reply))
        if any(holds(each, reply, content) for each in self._settings.success):
            platform_id = self._id(reply, content)
            if platform_id is not None or not self._settings.is_told_by_id:
                return Outcome(_K.ACCEPTED, platform_id=platform_id)
            code = said or "no_id"
        if said:
            self._unknown.count("answer", said)
        kind, failure = _BY_STATUS.get(reply.status, (_K.AMBIGUOUS, _F.UNKNOWN))
        return Outcome(kind, code=code, failure=failure, retry_after_s=_retry_after(reply))

    def _code(self, reply: Reply, content: object) -> str | None:
        if self._settings.code_regex is not None:
            said = _group(self._settings.code_regex, reply)
        else:
            said = text_at(content, self._settings.code_path)
        return said[:_LONGEST_CODE] if said else None

    def _id(self, reply: Reply, content: object) -> str | None:
        if self._settings.id_path is not None:
            found = text_at(content, self._settings.id_path)
        else:
            found = _group(self._settings.id_regex, reply) if self._settings.id_regex else None
        return found[:LONGEST_NAME] if found and found not in _NO_ID else None


def holds(condition: Condition, reply: Reply, content: object) -> bool:
    """Tell whether an answer meets a condition."""
    if condition.status is not None and reply.status not in condition.status:
        return False
    if not says(condition, content):
        return False
    return condition.regex is None or bool(re.search(condition.regex, text_of(reply.body)))


def says(condition: Condition, content: object) -> bool:
    """Tell whether a condition's path leads to something, which false is not, and to what is wanted."""
    if condition.path is None and condition.equals is None:
        return True
    wanted = [condition.equals] if isinstance(condition.equals, str) else condition.equals
    found = text_at(content, condition.path)
    return found is not None and (found != _FALSE if wanted is None else found in wanted)


def outcome_of_failure(error: Exception) -> Outcome:
    """Give the outcome of a call that brought no usable answer."""
    if isinstance(error, NotStarted):
        return Outcome(_K.NOT_STARTED)
    kind = _K.NOT_TAKEN if isinstance(error, NotTaken) else _K.AMBIGUOUS
    return Outcome(kind, code=str(error), failure=_F.NETWORK)


def _group(pattern: str, reply: Reply) -> str | None:
    found = re.search(pattern, text_of(reply.body))
    return storable(found[1]) if found and found.groups() and found[1] else None


def _retry_after(reply: Reply) -> float | None:
    """Read in how many seconds to try again: so many, or a moment of its clock (RFC 9110 §10.2.3)."""
    given = reply.headers.get("Retry-After", "")
    if given.isdecimal():
        return float(given) if len(given) < 7 else None  # noqa: PLR2004 - digits of ten days
    moment = read_date(given) if given else None
    if moment is None:
        return None
    return max(0.0, moment - (read_date(reply.headers.get("Date", "")) or time.time()))
