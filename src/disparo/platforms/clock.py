"""Compares our clock with platforms', by the `Date` of the answers they give anyway (RFC 9110 §6.6.1)."""

from __future__ import annotations

import math
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

from disparo.platforms.base import boottime_s

#: One answer in so long is looked at.
_EVERY_S = 10.0
#: Behind one address may stand several machines, of which one is wrong: while one of them agreed with us a
#: moment ago, the others are not listened to.
_AGREES_S = 300.0
#: By then the two have drifted apart by seconds.
_HOLDS_S = 6 * 3600.0


class AnsweredClock:
    """How far the clock of whoever answers is ahead of ours.

    It is remembered against CLOCK_BOOTTIME, which nobody sets: when ours is set right, nothing need be heard
    anew.
    """

    def __init__(self) -> None:
        self._least = self._most = 0.0  # what their clock is ahead of CLOCK_BOOTTIME
        self._noted_at = self._looked_at = -math.inf

    def note(self, date: str | None, *, asked_at: float) -> None:
        """Learn from an answer's `Date`, and when it was asked for, of CLOCK_BOOTTIME."""
        now = boottime_s()
        if date is None or now - self._looked_at < _EVERY_S:
            return
        self._looked_at = now
        theirs = read_date(date)
        if theirs is None:
            return
        # It has whole seconds, and was written somewhere between the question and now.
        least, most = theirs - now, theirs + 1.0 - asked_at
        if now - self._noted_at > _AGREES_S or abs(_ahead(least, most)) <= abs(
            _ahead(self._least, self._most)
        ):
            self._least, self._most, self._noted_at = least, most, now

    @property
    def ahead_s(self) -> float | None:
        """So much at the least; None: not known."""
        if boottime_s() - self._noted_at > _HOLDS_S:
            return None
        return _ahead(self._least, self._most)


def _ahead(least: float, most: float) -> float:
    ours = time.time() - boottime_s()
    return max(least - ours, 0.0) or min(most - ours, 0.0)


def read_date(date: str) -> float | None:
    """Give a moment as HTTP writes it in seconds of time.time(); None for what is none."""
    try:
        read = parsedate_to_datetime(date)
        return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
