"""Estimates segments, cost and time of a run, by the platforms that may take each message."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from disparo.domain.sms_text import SegmentProfile
from disparo.domain.template import InvoiceText, TemplateRefused, render

_DAY_S = 86_400
#: Notices go from 8 to 20 h, the longest hours of any run (`domain.windows`).
_OPEN_OF_A_DAY_S = 43_200
#: Texts with their number of messages, by the names of the platforms that may take them.
Groups = dict[frozenset[str], Counter[InvoiceText]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What sending through one platform costs and how fast it is; a lower `order` is used first.

    `ddds`: the area codes it serves; empty: all.
    """

    name: str
    profile: SegmentProfile
    order: int
    cost_per_segment: Decimal | None = None
    per_second: float | None = None
    per_day: int | None = None
    limits_count_parts: bool = False
    ddds: frozenset[str] = frozenset()

    def for_parts(self, parts: float) -> Offer:
        """Give the offer with limits in messages, where a message has `parts` parts on average."""
        if not self.limits_count_parts or parts <= 1:
            return self
        per_second = None if self.per_second is None else self.per_second / parts
        per_day = None if self.per_day is None else max(1, int(self.per_day / parts))
        return replace(self, per_second=per_second, per_day=per_day)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost and time of all messages that one platform may take; `too_long`: whose text does not fit."""

    platform: str
    recipients: int
    segments: int
    too_long: int
    cost: Decimal | None
    duration_s: float | None  # None: as fast as it goes


@dataclass(frozen=True, slots=True)
class FirstLine:
    """A run where each message goes by the first platform of its area code; `cost` None: not known."""

    segments: int
    too_long: int
    cost: Decimal | None


class Duration(NamedTuple):
    """How long it takes: whole days that a limit of 24 hours makes wait, and seconds of sending besides."""

    days: int
    sending_s: float

    @property
    def whole_s(self) -> float:
        """By the clock, where sending hours do not end."""
        return self.days * float(_DAY_S) + self.sending_s

    @property
    def open_s(self) -> float:
        """Of sending hours, by which it is told how long a message may wait."""
        return self.days * float(_OPEN_OF_A_DAY_S) + self.sending_s


@dataclass(frozen=True, slots=True)
class Estimates:
    """Each platform's estimate, and what it takes by those used first together; see Simulation."""

    each: Sequence[Estimate]
    first: FirstLine | None
    duration: Duration | None
    out_of_reach: int


class _Part(NamedTuple):
    """What one group of texts comes to through one platform."""

    segments: int
    too_long: int
    recipients: int

    @property
    def messages(self) -> int:
        return self.recipients - self.too_long


def named_ddds(offers: Sequence[Offer]) -> list[str]:
    """Give the area codes by which recipients are to be told apart: all others go by the same platforms."""
    return sorted(frozenset[str]().union(*(offer.ddds for offer in offers)))


def takers(offers: Sequence[Offer], ddd: str | None) -> frozenset[str]:
    """Give the platforms that serve an area code; None: one that none of them names."""
    return frozenset(offer.name for offer in offers if not offer.ddds or ddd in offer.ddds)


def estimate_all(
    offers: Sequence[Offer], groups: Groups, *, template: str | None, max_parts: int
) -> Estimates:
    """Give what the messages of each group come to, through each platform that may take them."""
    # Where nothing goes it costs nothing, not an unknown sum.
    groups = groups or {frozenset(offer.name for offer in offers): Counter()}
    parts = {
        (names, offer.name): _part(offer, shapes, template, max_parts)
        for names, shapes in groups.items()
        for offer in offers
        if offer.name in names
    }
    totals = {
        offer.name: _sum([part for (_, name), part in parts.items() if name == offer.name])
        for offer in offers
    }
    in_messages = {
        offer.name: offer.for_parts(totals[offer.name].segments / max(1, totals[offer.name].messages))
        for offer in offers
    }
    lines = {names: _first_line(offers, names) for names in groups if names}
    waiting: Counter[frozenset[str]] = Counter()
    for names, line in lines.items():
        waiting[frozenset(offer.name for offer in line)] += parts[names, line[0].name].messages
    first = [(line[0], parts[names, line[0].name]) for names, line in lines.items()]
    return Estimates(
        each=[_estimate(offer, in_messages[offer.name], totals[offer.name]) for offer in offers],
        first=_first(first) if offers else None,
        duration=_duration_together(in_messages, waiting),
        out_of_reach=sum(groups.get(frozenset(), Counter()).values()),
    )


def _part(offer: Offer, shapes: Counter[InvoiceText], template: str | None, max_parts: int) -> _Part:
    profile = offer.profile.at_most(max_parts)
    segments = too_long = 0
    for text, count in shapes.items():
        try:
            segments += render(text, profile, template=template).segments * count
        except TemplateRefused:
            too_long += count
    return _Part(segments, too_long, shapes.total())


def _sum(parts: Sequence[_Part]) -> _Part:
    return _Part(
        sum(part.segments for part in parts),
        sum(part.too_long for part in parts),
        sum(part.recipients for part in parts),
    )


def _estimate(offer: Offer, in_messages: Offer, total: _Part) -> Estimate:
    cost = _cost(offer, total.segments)
    takes = _duration([in_messages], total.messages)
    duration_s = None if takes is None else takes.whole_s
    return Estimate(offer.name, total.recipients, total.segments, total.too_long, cost, duration_s)


def _cost(offer: Offer, segments: int) -> Decimal | None:
    return None if offer.cost_per_segment is None else offer.cost_per_segment * segments


def _first_line(offers: Sequence[Offer], names: frozenset[str]) -> list[Offer]:
    """Give those of these platforms that are used before the others, and share their messages."""
    able = [offer for offer in offers if offer.name in names]
    first = min(offer.order for offer in able)
    return [offer for offer in able if offer.order == first]


def _first(first: Sequence[tuple[Offer, _Part]]) -> FirstLine:
    costs = [_cost(offer, part.segments) for offer, part in first]
    total = _sum([part for _, part in first])
    known = [cost for cost in costs if cost is not None]
    return FirstLine(
        total.segments, total.too_long, sum(known, Decimal()) if known and len(known) == len(costs) else None
    )


def _duration_together(offers: Mapping[str, Offer], waiting: Mapping[frozenset[str], int]) -> Duration | None:
    """Give how long it is until the last is gone; None where nothing limits it.

    `waiting`: how many go by which platforms. Platforms together take no less than what may go by no other
    one: the longest time of any of them is the time of all. Those that share nothing take no longer together
    than the slower of them.
    """
    together: set[frozenset[str]] = set()
    for names in waiting:
        together |= {names, *(names | others for others in together if names & others)}
    found = [
        _duration(
            [offers[name] for name in sorted(names)],
            sum(count for some, count in waiting.items() if some <= names),
        )
        for names in together
    ]
    return max((takes for takes in found if takes is not None), key=lambda takes: takes.whole_s, default=None)


def _duration(offers: Sequence[Offer], messages: int) -> Duration | None:
    """Give how long it takes at these platforms' rates together; None where one of them has none."""
    per_s = math.inf
    if all(offer.per_second is not None for offer in offers):
        per_s = sum(offer.per_second or 0.0 for offer in offers)
    per_day = math.inf
    if all(offer.per_day is not None for offer in offers):
        per_day = sum(offer.per_day or 0 for offer in offers)
    if math.isinf(per_s) and math.isinf(per_day):
        return None
    days = 0 if math.isinf(per_day) or not messages else math.ceil(messages / per_day) - 1
    rest = messages - days * (0 if math.isinf(per_day) else int(per_day))
    return Duration(days, 0.0 if math.isinf(per_s) else rest / per_s)
