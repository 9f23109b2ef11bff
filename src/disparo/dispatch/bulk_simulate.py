"""Computes what a bulk run would come to (recipients, segments, cost, time) without storing anything."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial

import asyncpg

from disparo.db import bulk_looks, bulk_slices, templates
from disparo.db.bulk_looks import Capped
from disparo.db.bulk_slices import SLICE
from disparo.db.pool import Connection, Pool
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_caps import Turns
from disparo.dispatch.bulk_queue import read_or_wait
from disparo.dispatch.rules import Rules
from disparo.domain.sms_text import SegmentProfile
from disparo.domain.template import InvoiceText, TemplateRefused, render

_DAY_S = 86_400
#: Of how many lengths of text an invoice is named.
_EXAMPLES = 100


@dataclass(frozen=True, slots=True)
class Offer:
    """What sending through one platform costs and how fast it is; a lower `order` is used first."""

    name: str
    profile: SegmentProfile
    order: int
    cost_per_segment: Decimal | None = None
    per_second: float | None = None
    per_day: int | None = None
    limits_count_parts: bool = False

    def for_parts(self, parts: float) -> Offer:
        """Give the offer with limits in messages, where a message has `parts` parts on average."""
        if not self.limits_count_parts or parts <= 1:
            return self
        per_second = None if self.per_second is None else self.per_second / parts
        per_day = None if self.per_day is None else max(1, int(self.per_day / parts))
        return replace(self, per_second=per_second, per_day=per_day)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost and time of all messages through one platform; `too_long`: those whose text does not fit."""

    platform: str
    segments: int
    too_long: int
    cost: Decimal | None
    duration_s: float | None  # None: as fast as it goes


@dataclass(frozen=True, slots=True)
class Simulation:
    """`skipped`: by reason. `duration_s`: by the platforms used first, together. `examples`: some that go.

    `recent`: recipients who were sent their invoice within a day, or are about to be. `caps_are_known`: False
    where the frequency caps may leave out more than `skipped` says.
    """

    invoices: int
    recipients: int
    skipped: dict[str, int]
    estimates: Sequence[Estimate]
    duration_s: float | None
    examples: Sequence[int]
    recent: int
    caps_are_known: bool


async def simulate_run(pool: Pool, selection: Selection, offers: Sequence[Offer], rules: Rules) -> Simulation:
    """Simulate a run, slice by slice, in memory that does not grow with it; with the template of now."""
    skipped: Counter[str] = Counter()
    shapes: Counter[InvoiceText] = Counter()
    examples: list[int] = []
    async with pool.acquire() as connection:
        now: datetime = await connection.fetchval("SELECT now()")
        template = await templates.current(connection)
    rules = replace(rules, template=template or rules.template)
    today = now.astimezone(rules.zone).date()
    turns = Turns(rules, now)
    async for ids in _slices(pool, selection):
        capped = await _capped(pool, ids, turns)
        look = partial(bulk_looks.simulate_slice, ids=ids, allowed=rules.allowed, today=today, capped=capped)
        for row in await _when_read(pool, look, "what"):
            if row["what"] == "shape":
                shapes[InvoiceText.of(row, brand=rules.brand, today=today)] += row["count"]
                examples += [row["id"]] if len(examples) < _EXAMPLES else []
            else:
                skipped[row["what"]] += row["count"]
    recipients = shapes.total()
    # Some thousand texts for each platform: calls are answered meanwhile.
    estimates = [await asyncio.to_thread(_estimate, offer, shapes, recipients, rules) for offer in offers]
    in_messages = [
        offer.for_parts(found.segments / max(1, recipients - found.too_long))
        for offer, found in zip(offers, estimates, strict=True)
    ]
    return Simulation(
        invoices=skipped.pop("invoices", 0),
        recent=skipped.pop("recent", 0),
        recipients=recipients,
        skipped=dict(skipped),
        estimates=estimates,
        duration_s=_duration_together(in_messages, recipients),
        examples=sorted(examples),
        caps_are_known=turns.are_all_known,
    )


async def who_is_left_out(pool: Pool, selection: Selection, rules: Rules) -> AsyncIterator[asyncpg.Record]:
    """Give, slice by slice, who gets no SMS of a run, and why (bulk_left_out.sql)."""
    async with pool.acquire() as connection:
        turns = Turns(rules, await connection.fetchval("SELECT now()"))
    async for ids in _slices(pool, selection):
        capped = await _capped(pool, ids, turns)
        look = partial(bulk_looks.left_out, ids=ids, allowed=rules.allowed, capped=capped)
        for row in await _when_read(pool, look, "reason"):
            yield row


async def _slices(pool: Pool, selection: Selection) -> AsyncIterator[Sequence[int]]:
    if selection.invoice_ids is not None:
        for first in range(0, len(selection.invoice_ids), SLICE):
            yield selection.invoice_ids[first : first + SLICE]
        return
    after = (date.min, 0)
    while True:
        async with pool.acquire() as connection:
            page = await bulk_slices.page(
                connection, due_from=selection.due_from, due_to=selection.due_to, after=after, limit=SLICE
            )
        if page is None:
            return
        yield page.ids
        after = (page.last_due, page.last_id)


async def _capped(pool: Pool, ids: Sequence[int], turns: Turns) -> Capped:
    if not turns.are_capped:
        return ()
    return turns.too_many(await _when_read(pool, partial(turns.look, ids=ids), "what"))


async def _when_read(
    pool: Pool, look: Callable[[Connection], Awaitable[list[asyncpg.Record]]], told_in: str
) -> list[asyncpg.Record]:
    """Look at a slice when the phones of all its people are read."""
    while True:
        async with pool.acquire() as connection, connection.transaction():
            rows = await look(connection)
        if not any(row[told_in] == "unread" for row in rows):
            return rows
        await read_or_wait(pool)


def _estimate(offer: Offer, shapes: Counter[InvoiceText], recipients: int, rules: Rules) -> Estimate:
    profile = offer.profile.at_most(rules.max_parts)
    segments = too_long = 0
    for text, count in shapes.items():
        try:
            segments += render(text, profile, template=rules.template).segments * count
        except TemplateRefused:
            too_long += count
    cost = None if offer.cost_per_segment is None else offer.cost_per_segment * segments
    messages = recipients - too_long
    duration_s = _duration([offer.for_parts(segments / max(1, messages))], messages)
    return Estimate(offer.name, segments, too_long, cost, duration_s)


def _duration_together(offers: Sequence[Offer], recipients: int) -> float | None:
    if not offers:
        return None
    first = min(offer.order for offer in offers)
    return _duration([offer for offer in offers if offer.order == first], recipients)


def _duration(offers: Sequence[Offer], messages: int) -> float | None:
    """Give the seconds at these platforms' rates together; None where one of them has none."""
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
    return days * float(_DAY_S) + (0.0 if math.isinf(per_s) else rest / per_s)
