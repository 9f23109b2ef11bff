"""The brake of one lane: a platform that fails again and again is tried with one message at a time.

Without it a platform that takes connections and drops them would make every waiting message uncertain,
one after the other; with it at most a handful, and then one now and again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind

_BAD_IN_A_ROW = 5
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_BAD_WITHOUT_EFFECT = frozenset({FailureClass.NETWORK, FailureClass.AUTH, FailureClass.CREDIT})


class Brake:
    """`allowed` before a start, `note` after each outcome; nothing is shared between workers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bad = 0
        self._pauses = 0
        self._until = 0.0
        self._probing = False

    @property
    def is_on(self) -> bool:
        """Whether the platform is being tried with single messages."""
        return self._bad >= _BAD_IN_A_ROW

    def allowed(self, wanted: int) -> int:
        """Give how many may start now; 0: ask again a moment later."""
        if not self.is_on:
            return wanted
        if self._probing or self._clock() < self._until:
            return 0
        self._probing = True
        return min(1, wanted)

    def note(self, outcome: Outcome) -> None:
        """Count an outcome; one good one lets the brake go. What was not started says nothing."""
        if outcome.kind is OutcomeKind.NOT_STARTED:
            self._probing = False
        elif _is_bad(outcome):
            self._bad += 1
            # Those that were on their way when it went on do not count against the next probe.
            if self.is_on and (self._probing or self._pauses == 0):
                self._pauses += 1
                pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (self._pauses - 1))
                self._until = self._clock() + pause_s
                self._probing = False
        else:
            self._bad = self._pauses = 0
            self._probing = False

    def forget_probe(self) -> None:
        """Take back an allowance that was not used."""
        self._probing = False


def _is_bad(outcome: Outcome) -> bool:
    if outcome.kind is OutcomeKind.AMBIGUOUS:
        return True
    return outcome.kind is OutcomeKind.NOT_TAKEN and outcome.failure in _BAD_WITHOUT_EFFECT
