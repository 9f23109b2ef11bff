"""Calls a platform so that each message has an outcome, whatever the platform does."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.platforms.base import Outgoing, Platform, Report

log = structlog.get_logger(__name__)

_UNKNOWN = Outcome(OutcomeKind.AMBIGUOUS, code="no_answer", failure=FailureClass.UNKNOWN)


async def send(platform: Platform, outgoing: Sequence[Outgoing], report: Report) -> list[Outcome]:
    """Hand over a batch; gives as many outcomes as it has messages."""
    try:
        outcomes = await platform.send(outgoing, report)
    except Exception as error:  # a platform never raises; if one does, the bytes may have left
        log.error("platform_raised", platform=platform.name, error=type(error).__name__)
        outcomes = []
    missing = len(outgoing) - len(outcomes)
    return [*outcomes, *[_UNKNOWN] * missing][: len(outgoing)]
