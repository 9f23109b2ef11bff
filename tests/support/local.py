"""The installation's time of day, as the tests' settings have it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def closed_hours() -> str:
    """Give hours of a platform that it is not now."""
    return "14:00-15:00" if datetime.now(ZoneInfo("America/Sao_Paulo")).hour < 10 else "05:00-06:00"
