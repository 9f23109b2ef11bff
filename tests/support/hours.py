"""Hours of a platform, beside the time of day where the installation of the tests is."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo


@cache
def closed_hours() -> str:
    """Give an hour of the day that it is not now; the same one all along, as tests run past an hour's end."""
    return "14:00-15:00" if datetime.now(ZoneInfo("America/Sao_Paulo")).hour < 10 else "05:00-06:00"
