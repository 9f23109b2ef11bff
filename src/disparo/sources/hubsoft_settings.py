"""What HubSoft is asked for, and as whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any


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


def invoice_search(
    settings: HubsoftSettings, by: str, term: int, due_dates: Sequence[date] = ()
) -> dict[str, Any]:
    """Search invoices due in the months that are synced, and on these days: unasked it gives ten days."""
    today = datetime.now(UTC).date()
    months = (month(today, -settings.months_back)[0], month(today, settings.months_ahead)[1])
    return {
        "busca": by,
        "termo_busca": term,
        "tipo_data": "data_vencimento",
        "data_inicio": min(*months, *due_dates).isoformat(),
        "data_fim": max(*months, *due_dates).isoformat(),
    }
