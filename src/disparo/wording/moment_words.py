"""Moments as people here read them: the clock of their place, the day first."""

from __future__ import annotations

from datetime import datetime, tzinfo

#: For a moment that is told in its place's time already.
TO_MINUTE = "%d/%m/%Y %H:%M"
TO_SECOND = "%d/%m/%Y %H:%M:%S"


def to_minute(at: datetime, zone: tzinfo) -> str:
    """Give an aware moment as the clock of `zone` shows it, without the seconds."""
    return at.astimezone(zone).strftime(TO_MINUTE)


def to_second(at: datetime, zone: tzinfo) -> str:
    """Give an aware moment as the clock of `zone` shows it, with the seconds."""
    return at.astimezone(zone).strftime(TO_SECOND)
