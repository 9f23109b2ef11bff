"""Computes the pause, in seconds, before a message that was surely not taken is tried again."""

from __future__ import annotations

from disparo.domain.outcome import FailureClass

_FIRST_S = 1.0
_LONGEST_S = 300.0
#: A person has to act first: asking every second helps nobody.
_SLOW_FIRST_S = 30.0
_SLOW = frozenset({FailureClass.CREDIT, FailureClass.AUTH})


def backoff_s(
    not_taken: int, *, failure: FailureClass | None, retry_after_s: float | None, jitter: float
) -> float:
    """Give seconds for the try after `not_taken` earlier ones, `jitter` in 0..1 spreading it over 50-100 %.

    A platform's own word (`retry_after_s`) is a floor, up to an hour.
    """
    first = _SLOW_FIRST_S if failure in _SLOW else _FIRST_S
    longest = min(_LONGEST_S, first * 2.0 ** min(not_taken, 16))
    spread = longest * (0.5 + jitter / 2)
    return max(spread, min(retry_after_s or 0.0, 3600.0))
