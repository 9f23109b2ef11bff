"""How long a run takes, by the limits of the platforms that its messages may go by."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

from disparo.dispatch.bulk_estimate import Duration, FirstLine, Offer, Ways, estimate_all
from disparo.domain.sms_text import SegmentProfile
from disparo.domain.template import InvoiceText
from disparo.wording.duration_words import too_slow

_TEXT = InvoiceText("MINHA NET", "ANA", Decimal("99.90"), date(2026, 12, 5), is_overdue=False)


def estimate(offers, recipients):
    groups = {
        Ways(frozenset(names), frozenset(names)): Counter({_TEXT: count})
        for names, count in recipients.items()
    }
    return estimate_all(offers, groups, template=None, max_parts=10)


def test_days_that_a_limit_makes_wait_are_not_all_of_sending_hours():
    """A run of four days by the clock: the last has waited for a day and a half, of two that it may."""
    found = estimate([Offer("p", SegmentProfile(), 1, per_day=10_000)], {("p",): 30_001})
    assert found.duration == Duration(3, 0.0)
    assert (found.duration.whole_s, found.duration.open_s) == (3 * 86_400, 3 * 43_200)
    assert too_slow(found.duration.open_s, timeout_s=172_800) is None
    longer = estimate([Offer("p", SegmentProfile(), 1, per_day=10_000)], {("p",): 50_001})
    assert "Divida o disparo" in (too_slow(longer.duration.open_s, timeout_s=172_800) or "")


def test_many_platforms_of_a_region_each_are_counted_at_once():
    """United in every way they would be a trillion."""
    names = [f"p{number}" for number in range(40)]
    offers = [Offer(name, SegmentProfile(), 1, per_second=1.0) for name in names]
    found = estimate(offers, {(name,): place + 1 for place, name in enumerate(names)})
    assert found.duration == Duration(0, 40.0)


def test_what_does_not_fit_on_the_first_platform_goes_by_another_and_costs_what_that_one_takes():
    long = _TEXT._replace(link="https://example.com/" + "a" * 100)
    short = Offer("short", SegmentProfile(max_parts=1), 0, cost_per_segment=Decimal("0.10"), per_second=2.0)
    other = Offer("other", SegmentProfile(), 1, cost_per_segment=Decimal("0.30"), per_second=1.0)
    ways = Ways(frozenset({"short", "other"}), frozenset({"short", "other"}))

    def first(*offers):
        groups = {ways: Counter({_TEXT: 4, long: 6})}
        found = estimate_all(offers, groups, template=None, max_parts=10)
        return found.first, found.duration

    assert first(short, other) == (FirstLine(16, 0, Decimal("4.00")), Duration(0, 6.0))
    assert first(short, replace(other, order=0))[0] == FirstLine(16, 0, Decimal("4.00"))
    assert first(short, replace(other, profile=short.profile))[0] == FirstLine(4, 6, Decimal("0.40"))
    nothing_said = replace(short, cost_per_segment=None)
    assert first(nothing_said, other)[0] == FirstLine(16, 0, None)
    all_long = {ways: Counter({long: 6})}
    found = estimate_all([nothing_said, other], all_long, template=None, max_parts=10)
    assert found.first == FirstLine(12, 0, Decimal("3.60"))
