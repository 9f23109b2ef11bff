"""Estimates segments, cost and time of a run, by the platforms that may take each message."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from disparo.domain.routing import Route
from disparo.domain.sms_text import SegmentProfile
from disparo.domain.template import InvoiceText, TemplateRefused, render

_DAY_S = 86_400
#: Notices go from 8 to 20 h, the longest hours of any run (`domain.windows`).
_OPEN_OF_A_DAY_S = 43_200


class Ways(NamedTuple):
    """The names of the platforms that may take a message; `open`: of those that have hours when it goes."""

    able: frozenset[str]
    open: frozenset[str]


#: Texts with their number of messages, by the platforms that may take them.
Groups = dict[Ways, Counter[InvoiceText]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What sending through one platform costs and how fast it is; a lower `order` is used first.

    `ddds`: the area codes it serves; empty: all. `hours`: as in `Route`.
    """

    name: str
    profile: SegmentProfile
    order: int
    cost_per_segment: Decimal | None = None
    per_second: float | None = None
    per_day: int | None = None
    limits_count_parts: bool = False
    ddds: frozenset[str] = frozenset()
    hours: tuple[time, time] | None = None

    @property
    def route(self) -> Route:
        """How it is used."""
        return Route(self.name, self.order, hours=self.hours, ddds=self.ddds)

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
    """A run where each message goes by the first platform of its area code that takes it.

    `too_long`: what none takes; `cost` None: not known.
    """

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
    """What one group of texts comes to through one platform; `rest`: those that do not fit."""

    segments: int
    recipients: int
    rest: Counter[InvoiceText]

    @property
    def messages(self) -> int:
        return self.recipients - self.rest.total()


def named_ddds(offers: Sequence[Offer]) -> list[str]:
    """Give the area codes by which recipients are to be told apart: all others go by the same platforms."""
    return sorted(frozenset[str]().union(*(offer.ddds for offer in offers)))


def ways_of(offers: Sequence[Offer], ddd: str | None, at: datetime) -> tuple[Ways, datetime]:
    """Give by which platforms what may go at a local moment goes, and when one of them first has hours.

    `ddd`: None: an area code that none of them names.
    """
    able = [offer.route for offer in offers if not offer.ddds or ddd in offer.ddds]
    if able and not any(route.is_open_at(at) for route in able):
        at = min(route.opens_after(at) for route in able)
    are_open = frozenset(route.name for route in able if route.is_open_at(at))
    return Ways(frozenset(route.name for route in able), are_open), at


def estimate_all(
    offers: Sequence[Offer], groups: Groups, *, template: str | None, max_parts: int
) -> Estimates:
    """Give what the messages of each group come to, through each platform that may take them."""
    # Where nothing goes it costs nothing, not an unknown sum.
    everything = frozenset(offer.name for offer in offers)
    groups = groups or {Ways(everything, everything): Counter()}
    count = partial(_part, template=template, max_parts=max_parts)
    parts = {
        (ways, offer.name): count(offer, shapes)
        for ways, shapes in groups.items()
        for offer in offers
        if offer.name in ways.able
    }
    totals = {
        offer.name: _sum([part for (_, name), part in parts.items() if name == offer.name])
        for offer in offers
    }
    in_messages = {
        offer.name: offer.for_parts(totals[offer.name].segments / max(1, totals[offer.name].messages))
        for offer in offers
    }
    waiting: Counter[frozenset[str]] = Counter()
    first: list[tuple[Offer, _Part]] = []
    too_long = 0
    for ways in groups:
        lines, rest = _lines(offers, ways), Counter[InvoiceText]()
        taken: list[tuple[list[Offer], _Part]] = []
        for place, line in enumerate(lines):
            part = count(line[0], rest) if place else parts[ways, line[0].name]
            if part.messages:  # where it takes none, what it costs need not be known
                taken.append((line, part))
            rest = part.rest
        for line, part in taken or [(line, parts[ways, line[0].name]) for line in lines[:1]]:
            waiting[frozenset(offer.name for offer in line)] += part.messages
            first.append((line[0], part))
        too_long += rest.total()
    return Estimates(
        each=[_estimate(offer, in_messages[offer.name], totals[offer.name]) for offer in offers],
        first=_first(first, too_long) if offers else None,
        duration=_duration_together(in_messages, waiting),
        out_of_reach=sum(shapes.total() for ways, shapes in groups.items() if not ways.able),
    )


def _part(offer: Offer, shapes: Counter[InvoiceText], template: str | None, max_parts: int) -> _Part:
    profile = offer.profile.at_most(max_parts)
    segments, rest = 0, Counter[InvoiceText]()
    for text, count in shapes.items():
        try:
            segments += render(text, profile, template=template).segments * count
        except TemplateRefused:
            rest[text] += count
    return _Part(segments, shapes.total(), rest)


def _sum(parts: Sequence[_Part]) -> _Part:
    return _Part(
        sum(part.segments for part in parts),
        sum(part.recipients for part in parts),
        sum((part.rest for part in parts), Counter()),
    )


def _estimate(offer: Offer, in_messages: Offer, total: _Part) -> Estimate:
    cost = _cost(offer, total.segments)
    takes = _duration([in_messages], total.messages)
    duration_s = None if takes is None else takes.whole_s
    return Estimate(offer.name, total.recipients, total.segments, total.rest.total(), cost, duration_s)


def _cost(offer: Offer, segments: int) -> Decimal | None:
    return None if offer.cost_per_segment is None else offer.cost_per_segment * segments


def _lines(offers: Sequence[Offer], ways: Ways) -> list[list[Offer]]:
    """Give those that may take these messages as they are used, one line after the other.

    Those of one line share what fits through them all; what does not goes by one of them, or by the next line
    (`choice.py`).
    """
    lines: dict[tuple[bool, int], list[Offer]] = {}
    for offer in offers:
        if offer.name in ways.able:
            lines.setdefault((offer.name not in ways.open, offer.order), []).append(offer)
    found = [lines[place] for place in sorted(lines)]
    return [some for line in found for some in (line, *([offer] for offer in line[1:]))]


def _first(first: Sequence[tuple[Offer, _Part]], too_long: int) -> FirstLine:
    costs = [_cost(offer, part.segments) for offer, part in first]
    known = [cost for cost in costs if cost is not None]
    return FirstLine(
        sum(part.segments for _, part in first),
        too_long,
        sum(known, Decimal()) if known and len(known) == len(costs) else None,
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
