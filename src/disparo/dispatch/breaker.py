"""Stops handing messages to a platform that fails, and tries it with one message now and again.

Without it a platform that takes connections and drops them would make every waiting message uncertain, one
after the other. It opens at once in the worker that saw the failures; `dispatch/watch.py` tells the others.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind

_BAD_IN_A_ROW = 5
#: No register has so many wrong numbers in a row: it is the account, the sender or the text that is
#: refused, and would be of all that wait (docs/decisions/0046).
_REFUSED_IN_A_ROW = 20
#: Of the last outcomes, not older than so many seconds, at least so many, half of them bad.
_LOOK_BACK, _LOOK_BACK_S, _ENOUGH = 40, 10.0, 20
_SLOW_S = 5.0
_SLOW_ONES = 5
_SLOW_ALL = 2
#: One of these is enough: it will be the same with the next message.
_AT_ONCE = frozenset({FailureClass.AUTH, FailureClass.CREDIT})
#: Unknown too: it takes nothing, and does not say why; what it dislikes in one message it refuses for good.
_BAD_WITHOUT_EFFECT = frozenset(
    {FailureClass.NETWORK, FailureClass.THROTTLE, FailureClass.UNKNOWN, *_AT_ONCE}
)


#: It answers as it should, and refuses each message for good.
_REFUSES_ALL = "refuses_all"
_GUARDED = str(FailureClass.GUARD)
_OF_REFUSALS = frozenset({_REFUSES_ALL, _GUARDED})
_THROTTLED = str(FailureClass.THROTTLE)
_FAILING = "failing"
#: What the platform itself says is wrong.
_TOLD = frozenset({_THROTTLED, *map(str, _AT_ONCE)})
_LONGEST_PAUSE_S = 10.0
#: While its tries stay without an answer: each is one more message of which nobody knows whether it went.
_LONGEST_PAUSE_UNSURE_S = 60.0
#: There each try is one more message that is lost if nobody has mended it.
_LONGEST_PAUSE_REFUSED_S = 300.0


def longest_pause_s(reason: str) -> float:
    """Give the longest pause, in seconds, between two tries of a platform that was stopped for `reason`."""
    return _LONGEST_PAUSE_REFUSED_S if reason in _OF_REFUSALS else _LONGEST_PAUSE_UNSURE_S


class Breaker:
    """Whether one platform may be used, judged by its latest outcomes.

    While `is_open` nothing is started, except one message (a probe) where `may_probe`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bad = self._refused = 0
        self._last: deque[tuple[float, bool]] = deque(maxlen=_LOOK_BACK)
        #: What began before says nothing of the platform as it is now: its hung calls go on for long.
        self._closed_at = -math.inf
        self._is_unsure = False
        self.open_reason: str | None = None
        self.paused = False
        self.may_probe = False
        #: Seen here and not yet told to the others.
        self.tripped = False
        self.recovered = False
        #: It fails for another reason than it was stopped for: not yet told either.
        self.renewed = False

    @property
    def is_open(self) -> bool:
        """Whether no message may be started: paused by a person, or failing."""
        return self.paused or self.open_reason is not None

    @property
    def has_news(self) -> bool:
        """Whether the other workers have something to be told."""
        return self.tripped or self.recovered or self.renewed

    @property
    def pause_s(self) -> float:
        """Give the longest pause, in seconds, until the next try, by what the last one cost."""
        if self._is_unsure or self.open_reason in _OF_REFUSALS:
            return longest_pause_s(str(self.open_reason))
        return _LONGEST_PAUSE_S

    def note(self, outcome: Outcome, *, latency_s: float, probe: bool) -> None:
        """Count one outcome; a good probe closes the breaker. What was not started counts for nothing."""
        if outcome.kind is OutcomeKind.NOT_STARTED:
            return
        refused = outcome.kind is OutcomeKind.REFUSED
        self._is_unsure = outcome.kind is OutcomeKind.AMBIGUOUS
        bad = _is_bad(outcome) or (refused and self.open_reason in _OF_REFUSALS)
        if probe:
            self.recovered = self.recovered or not (bad or latency_s > _SLOW_S)
            if self.recovered:
                self._close()
            elif bad:
                self._renew(_reason(outcome))
            return
        now = self._clock()
        if now - latency_s < self._closed_at:
            return
        self._bad = self._bad + 1 if bad else 0
        self._refused = 0 if outcome.kind is OutcomeKind.ACCEPTED else self._refused + refused
        self._last.append((now, bad))
        if bad and outcome.failure in _AT_ONCE:
            self._trip(str(outcome.failure))
        elif self._bad >= _BAD_IN_A_ROW:
            self._trip(_reason(outcome))
        elif self._refused >= _REFUSED_IN_A_ROW:
            self._trip(_GUARDED if outcome.failure is FailureClass.GUARD else _REFUSES_ALL)
        elif bad:
            recent = [was_bad for at, was_bad in self._last if now - at <= _LOOK_BACK_S]
            if len(recent) >= _ENOUGH and sum(recent) * 2 >= len(recent):
                self._trip("error_rate")

    def note_waiting(self, ages_s: list[float]) -> None:
        """Judge by hand-overs in flight: too many that wait for their answer too long open the breaker."""
        closed_for_s = self._clock() - self._closed_at
        ages_s = [age_s for age_s in ages_s if age_s <= closed_for_s]
        slow = sum(age_s > _SLOW_S for age_s in ages_s)
        if slow >= _SLOW_ONES or (slow >= _SLOW_ALL and slow == len(ages_s)):
            self._is_unsure = True
            self._trip("slow")

    def take(self, *, open_reason: str | None, paused: bool) -> None:
        """Take over the state that all workers share, unless this worker has news yet to be told."""
        self.paused = paused
        if self.tripped or self.recovered or (self.renewed and open_reason is not None):
            return
        self.renewed = False
        if open_reason is None:
            self._close()
        else:
            self.open_reason = open_reason

    def look_anew(self) -> None:
        """Forget what is under way, and what was not told yet: this process itself stood still meanwhile."""
        self.take_back()
        self._closed_at = self._clock()

    def take_back(self) -> None:
        """Forget what was seen here and not told yet: it was this worker's trouble alone."""
        self.renewed = False
        if self.tripped:
            self.tripped = False
            self._close()

    def _trip(self, reason: str) -> None:
        if self.open_reason is None:
            self.open_reason = reason
            self.tripped = True
            self.may_probe = False

    def _renew(self, reason: str) -> None:
        """Take over what a failed try says: who is told of the first night's fault would mend that one."""
        was = self.open_reason
        if was is not None and was != reason and was not in _OF_REFUSALS and {was, reason} & _TOLD:
            self.open_reason = reason
            self.renewed = not self.tripped

    def _close(self) -> None:
        if self.open_reason is not None:
            self.open_reason = None
            self._closed_at = self._clock()
            self._bad = self._refused = 0
            self._last.clear()
        self.may_probe = self.renewed = False


def _reason(outcome: Outcome) -> str:
    said = str(outcome.failure)
    return said if said in _TOLD else _FAILING


def _is_bad(outcome: Outcome) -> bool:
    if outcome.kind is OutcomeKind.AMBIGUOUS:
        return True
    return outcome.kind is OutcomeKind.NOT_TAKEN and outcome.failure in _BAD_WITHOUT_EFFECT
