"""What HubSoft is asked for, and as whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class HubsoftSettings:
    """Where it is, who we are there, and what is asked for."""

    url: str
    client_id: str
    client_secret: str
    username: str
    password: str
    verify_tls: bool = True
    timeout_s: float = 30.0
    sms_permission: bool = True
    months_back: int = 12
    months_ahead: int = 12


def month(today: date, offset: int) -> tuple[date, date]:
    """Give the first and the last day of a month, counted from today's."""
    whole = today.year * 12 + today.month - 1 + offset
    first, after = (date(n // 12, n % 12 + 1, 1) for n in (whole, whole + 1))
    return first, after - timedelta(days=1)
