"""Computes, in seconds, how long messages wait that no platform can take now, and workers that have no room.

Each look at a message that changes nothing adds two events to its history, which is kept for years: the
longer a cause lasts, the rarer the looks.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from disparo.dispatch.lane import Lane
from disparo.domain.routing import NoRoute

#: Before a message is looked at again for which there was no platform, or only a busy one.
_NO_PLATFORM_S, _BUSY_S = 15.0, 2.0
#: So many of them in that time: they try the platform, and see that it is back. The others wait for a part of
#: the time that it has been away, and no longer than the last of these: what a person waits for, a minute.
_EARLY, _PART_OF_OUTAGE, _URGENT_LONGEST_S, _LONGEST_S = 20, 0.25, 60.0, 600.0
#: Those who wait for a platform with a rate form a line, and come back each in turn, in portions of so many
#: seconds' worth: so much more than it takes, for it is not to be idle for them. Nobody waits for longer than
#: the last of these: a line may be of a run that was cancelled since.
_AMPLY, _PORTION_S, _URGENT_LAST_S, _LAST_S = 1.25, 0.5, 64.0, 256.0
#: A line that nobody has joined for so long, or in which so many would have come back, is over.
_SILENT_S, _SILENT_TURNS = 5.0, 10.0
#: Where nothing can go, what waits is still looked at now and then: it may have run out, or been paid.
_LOOK_ANYWAY_S = 15.0
#: Where the day is full, or the platform gone from the settings, that lasts for hours. It may end before all
#: the same, by a person who changes the settings.
_SETTINGS_S, _LOOK_IN_FULL_DAY_S = 600.0, 120.0

Lanes = Mapping[str, Lane]


@dataclass(slots=True)
class _Outage:
    """What one worker has seen of one, by its monotonic clock, and how many came back early lately."""

    began_at: float
    seen_at: float
    early_since: float
    early: int = 0


@dataclass(slots=True)
class _WaitingLine:
    """Those whom one worker put back for platforms that were busy: when the last one's turn comes."""

    last_at: float = 0.0
    joined_at: float = 0.0

    def join_s(self, per_s: float, *, longest_s: float) -> float:
        """Give the seconds until the turn of one who joins now."""
        now = time.monotonic()
        if now - self.joined_at > max(_SILENT_S, _SILENT_TURNS / per_s):
            self.last_at = now
        self.joined_at = now
        self.last_at = min(max(now, self.last_at) + 1.0 / per_s, now + longest_s)
        return self.last_at - now


class Looks:
    """The looks of one worker at messages that no platform takes, while others of its lanes have room."""

    def __init__(self) -> None:
        self._outages: dict[tuple[tuple[str, ...], bool], _Outage] = {}
        self._lines: defaultdict[tuple[tuple[str, ...], bool], _WaitingLine] = defaultdict(_WaitingLine)

    def next_in_s(self, lanes: Lanes, nowhere: NoRoute, *, urgent: bool) -> float:
        """Give the seconds until a message is looked at again for which no platform has room now.

        `nowhere` says why. No more come back at once than the platforms that they wait for can take, however
        small the claims are in which they are looked at.
        """
        if nowhere.reason == "platform_removed":
            return _SETTINGS_S
        if nowhere.reason == "platform_day_full":
            # In whole seconds, so that those of one look come back together.
            return max(_NO_PLATFORM_S, math.ceil(min(_SETTINGS_S, min(_full_days_s(lanes), default=0.0))))
        if nowhere.reason != "platform_busy":
            return self._where_none_works_s(nowhere.waits_for, urgent=urgent)
        sharing = [lanes[name] for name in nowhere.waits_for if name in lanes]
        per_s = sum(lane.platform.capabilities.per_second or math.inf for lane in sharing) or math.inf
        if math.isinf(per_s):
            return _BUSY_S
        line = self._lines[nowhere.waits_for, urgent]
        turn_s = line.join_s(per_s * _AMPLY, longest_s=_URGENT_LAST_S if urgent else _LAST_S)
        return max(_PORTION_S / 2, turn_s // _PORTION_S * _PORTION_S)

    def took(self, name: str) -> None:
        """Note that a platform takes messages: whatever waited for it waits no longer."""
        for key in [key for key in self._outages if name in key[0]]:
            del self._outages[key]

    def forget(self) -> None:
        """Begin anew: the settings have changed."""
        self._outages.clear()
        self._lines.clear()

    def _where_none_works_s(self, names: tuple[str, ...], *, urgent: bool) -> float:
        now = time.monotonic()
        outage = self._outages.get((names, urgent))
        if outage is None or now - outage.seen_at > 2 * _LONGEST_S:  # nobody looked: this is another one
            outage = self._outages[names, urgent] = _Outage(now, now, now)
        outage.seen_at = now
        if now - outage.early_since >= _NO_PLATFORM_S:
            outage.early_since, outage.early = now, 0
        outage.early += 1
        if outage.early <= _EARLY:
            return _NO_PLATFORM_S
        # In whole seconds, so that those of one look come back together.
        longest_s = _URGENT_LONGEST_S if urgent else _LONGEST_S
        return math.ceil(min(max(_NO_PLATFORM_S, (now - outage.began_at) * _PART_OF_OUTAGE), longest_s))


def is_day_full(lanes: Lanes, name: str) -> bool:
    """Tell whether a platform has reached its limit of 24 hours."""
    return name in lanes and time.monotonic() < lanes[name].day_full_until


def for_room_s(lanes: Lanes) -> float:
    """Give the seconds that a worker waits for room in a lane before it looks at a few messages anyway."""
    full_s = _full_days_s(lanes)
    frees_in_s = min(full_s, default=0.0) if len(full_s) == len(lanes) else 0.0
    return max(_LOOK_ANYWAY_S, min(_LOOK_IN_FULL_DAY_S, frees_in_s))


def _full_days_s(lanes: Lanes) -> list[float]:
    """Give, for each platform at its limit of 24 hours, the seconds until it has room again."""
    now = time.monotonic()
    return [lane.day_full_until - now for lane in lanes.values() if lane.day_full_until > now]
