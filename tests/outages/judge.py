"""What one outage did, from both platforms' logs and the table of attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.outages.pair import ILL, WELL
from tests.support.arrivals import within

#: A platform that is left alone is tried with one message at a time, seldom: starts closer than this are use.
_TOGETHER_S = 0.5
_SHARE = 0.9
LONGEST_RECOVERY_S = 30.0


@dataclass(frozen=True)
class Phases:
    """Seconds since the epoch: load was steady from `steady_at`, the outage lasted from `begun_at` to `ended_at`."""

    steady_at: float
    begun_at: float
    ended_at: float
    over_at: float


def counted(moments: Sequence[float], phases: Phases) -> dict[str, int]:
    """Count moments before, during and after."""
    return {
        "before": within(moments, phases.steady_at, phases.begun_at),
        "during": within(moments, phases.begun_at, phases.ended_at),
        "after": within(moments, phases.ended_at, phases.over_at),
    }


def failed_over_s(
    well: Sequence[float], ill_starts: Sequence[float], phases: Phases, per_s: float
) -> float | None:
    """Give how long it took until only probes started on the ill platform and the well one had the whole load."""
    during = [at for at in ill_starts if phases.begun_at <= at < phases.ended_at]
    close = [later for earlier, later in pairwise(during) if later - earlier < _TOGETHER_S]
    left_alone_at = max(close, default=phases.begun_at)
    carries = (at for at in well if at >= phases.begun_at and within(well, at, at + 1) >= _SHARE * per_s)
    carried_at = next(carries, None)
    if carried_at is None or max(left_alone_at, carried_at) > phases.ended_at - _TOGETHER_S:
        return None
    return max(left_alone_at, carried_at) - phases.begun_at


def recovered_at(ill: Sequence[float], ended_at: float, share_per_s: float) -> float | None:
    """Give when the ill platform was used again: the end of the first second with half its usual load."""
    for at in ill:
        if at >= ended_at and within(ill, at, at + 1) >= share_per_s / 2:
            return at + 1
    return None


def judged(
    taken: Mapping[str, Sequence[float]],
    ill_starts: Sequence[float],
    phases: Phases,
    *,
    calls: Sequence[float],
) -> dict[str, Any]:
    """Judge by what the platforms took, what was started at the ill one, and calls of one message each."""
    sent = {name: counted(moments, phases) for name, moments in taken.items()}
    before_s, during_s = phases.begun_at - phases.steady_at, phases.ended_at - phases.begun_at
    usual = {name: counts["before"] / before_s for name, counts in sent.items()}
    # A busy machine may call less often by then than before: more than was called for nobody can carry.
    called = within(calls, phases.begun_at, phases.ended_at) / during_s
    load = min(sum(usual.values()), called)
    again = recovered_at(taken[ILL], phases.ended_at, usual[ILL])
    over = failed_over_s(taken[WELL], ill_starts, phases, load)
    return {
        "lasted_s": round(during_s, 1),
        "messages": sent,
        "per_s_before": {name: round(rate, 1) for name, rate in usual.items()},
        "failed_over_s": None if over is None else round(over, 1),
        "well_during_over_before": round(sent[WELL]["during"] / during_s / usual[WELL], 2),
        "used_again_s": None if again is None else round(again - phases.ended_at, 1),
    }


def broken_bounds(found: Mapping[str, Any]) -> list[str]:
    """Name every bound that one outage broke."""
    broken = [
        name
        for name in ("duplicates", "lost", "contradictions", "waiting", "calls_without_200")
        if found[name]
    ]
    if found["well_during_over_before"] < _SHARE:
        broken.append("well_during_over_before")
    if found["used_again_s"] is None or found["used_again_s"] > LONGEST_RECOVERY_S:
        broken.append("used_again_s")
    if found["failed_over_s"] is None and found["needs_failover"]:
        broken.append("failed_over_s")
    return broken
