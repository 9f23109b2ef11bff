"""The cases of a run, and the bounds they have to hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rates import cases
from tests.rates.cases import PLATFORM
from tests.rates.yard import Yard

_LEAST_SHARE = 0.95


@dataclass(frozen=True)
class Case:
    """`limits` as they stand in the settings; `starts`: the case starts the workers itself."""

    name: str
    limits: Mapping[str, Any]
    show: Callable[[Yard], Awaitable[dict[str, Any]]]
    starts: bool = False


def _per_second(limit: int, seconds: int) -> Case:
    return Case(
        f"{limit}_per_second",
        {"per_second": limit},
        lambda yard: cases.per_second(yard, limit, seconds=seconds),
    )


CASES = (
    _per_second(50, 30),
    _per_second(200, 20),
    _per_second(1000, 15),
    Case("5000_per_day", {"per_day": 5000}, lambda yard: cases.per_day(yard, 5000, waiting=6000)),
    Case("sliding_day", {"per_day": 300}, lambda yard: cases.sliding_day(yard, 300, frees_in_s=10.0)),
    Case("window_10", {"window": 10}, lambda yard: cases.window(yard, 10, seconds=10)),
    Case("window_10_killed", {"window": 10}, lambda yard: cases.window_killed(yard, 10), starts=True),
)


async def show(yard: Yard, case: Case) -> dict[str, Any]:
    await yard.open({PLATFORM: case.limits})
    if not case.starts:
        await yard.start(*yard.workers)
    return await case.show(yard)


async def run(wanted: tuple[Case, ...], *, dsn: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Go through cases on an empty database; gives the figures by case."""
    figures = {}
    async with Yard(dsn, folder) as yard:
        for case in wanted:
            figures[case.name] = await show(yard, case)
            print(f"{case.name}: {figures[case.name]}", flush=True)
    return figures


def broken_bounds(found: Mapping[str, Any]) -> list[str]:
    """Name every bound that one case broke: a limit passed, or left unused."""
    limit, window = found.get("limit", 0), found.get("window", 0)
    holds = {
        "share_used": "window" in found or found.get("share_used", 1.0) >= _LEAST_SHARE,
        "largest_second_over_limit": found.get("largest_second_over_limit", 0.0) <= 1.0,
        "sent": found.get("sent", limit) == limit,
        "sent_before_the_day_was_over": found.get("sent_before_the_day_was_over", 0)
        <= limit - found.get("used_a_day_ago", 0),
        "most_in_flight": found.get("most_in_flight", 0) <= window,
        "in_flight_when_killed": found.get("in_flight_when_killed", window) == window,
    }
    return [name for name, held in holds.items() if not held]
