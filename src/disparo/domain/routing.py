"""Which platform a message goes to: in order, by weight, within each one's hours and area codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Route:
    """How an installation uses one platform: lower `order` first, those of one order by weight.

    `hours` are (from, to) in the installation's zone, `to` exclusive and later; `ddds` empty: all.
    """

    name: str
    order: int = 0
    weight: int = 1
    hours: tuple[time, time] | None = None
    ddds: frozenset[str] = frozenset()

    def is_open_at(self, local: datetime) -> bool:
        """Tell whether the platform may be used at this local time."""
        return self.hours is None or self.hours[0] <= local.time() < self.hours[1]

    def serves(self, ddd: str) -> bool:
        """Tell whether new messages to this area code may go here, hours aside."""
        return self.weight > 0 and (not self.ddds or ddd in self.ddds)

    def covers(self, other: Route) -> bool:
        """Tell whether every message that may go to `other` may go here too, hours aside."""
        return not self.ddds or (bool(other.ddds) and self.ddds >= other.ddds)

    def opens_after(self, local: datetime) -> datetime:
        """Give the next moment, from a closed one on, at which it may be used."""
        assert self.hours is not None  # noqa: S101 - for the type checker: one without hours is never closed
        today = datetime.combine(local.date(), self.hours[0], tzinfo=local.tzinfo)
        return today if today > local else today + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nowhere to go now; `until` is known where hours alone are in the way.

    `waits_for`: the platforms that could take it, and are busy or not in use.
    """

    reason: str
    until: datetime | None = None
    waits_for: tuple[str, ...] = ()


def choose(
    routes: Sequence[Route],
    *,
    ddd: str,
    local: datetime,
    is_usable: Callable[[str], bool],
    has_room: Callable[[str], bool],
    is_day_full: Callable[[str], bool] = lambda _: False,
    avoid: str | None,
    draw: float,
) -> str | NoRoute:
    """Give the platform for a message of this area code at this local time.

    One that works and is merely busy is waited for: only those of the same order share its load. `avoid`
    is the platform that did not take it last time: used again only where there is no other. `draw`, in
    0..1, decides among weights.
    """
    fitting = [route for route in routes if route.serves(ddd)]
    if not fitting:
        return NoRoute("no_platform")
    at_hours = [route for route in fitting if route.is_open_at(local)]
    if not at_hours:
        return NoRoute("platform_hours", min(route.opens_after(local) for route in fitting))
    usable = [route for route in at_hours if is_usable(route.name)]
    usable = [route for route in usable if route.name != avoid] or usable
    if not usable:
        is_limited = all(is_day_full(route.name) for route in at_hours)
        names = tuple(route.name for route in at_hours)
        return NoRoute("platform_day_full" if is_limited else "platform_unavailable", waits_for=names)
    first = min(route.order for route in usable)
    sharing = [route for route in usable if route.order == first]
    able = [route for route in sharing if has_room(route.name)]
    if not able:
        return NoRoute("platform_busy", waits_for=tuple(route.name for route in sharing))
    return _drawn(able, draw)


def stay(
    routes: Sequence[Route],
    name: str,
    *,
    local: datetime,
    has_room: Callable[[str], bool],
    is_day_full: Callable[[str], bool],
) -> str | NoRoute:
    """Give the platform that may have taken a message already: it goes by no other, at its hours."""
    own = next((route for route in routes if route.name == name), None)
    if own is None:
        return NoRoute("platform_removed")
    if not own.is_open_at(local):
        return NoRoute("platform_hours", own.opens_after(local))
    if has_room(name):
        return name
    return NoRoute("platform_day_full" if is_day_full(name) else "platform_unavailable", waits_for=(name,))


def in_first_line(routes: Sequence[Route], *, local: datetime, is_usable: Callable[[str], bool]) -> list[str]:
    """Give the platforms that new messages may go to now: not those that only stand in for another one."""
    usable = [
        route for route in routes if route.weight > 0 and route.is_open_at(local) and is_usable(route.name)
    ]
    return [
        route.name
        for route in usable
        if not any(other.order < route.order and other.covers(route) for other in usable)
    ]


def _drawn(routes: Sequence[Route], draw: float) -> str:
    left = draw * sum(route.weight for route in routes)
    for route in routes:
        left -= route.weight
        if left < 0:
            return route.name
    return routes[-1].name
