"""The stand-in of HubSoft as a source to synchronise with; how many rows it has is set from outside."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.hubsoft import CLIENT, HubsoftStandIn

from disparo.sources.hubsoft import Hubsoft
from disparo.sources.hubsoft_settings import HubsoftSettings

CUSTOMERS = int(os.environ.get("DISPARO_SYNC_CUSTOMERS", "600"))
INVOICES = int(os.environ.get("DISPARO_SYNC_INVOICES", "1100"))
ZONE = ZoneInfo("America/Sao_Paulo")


def source_of(there: HubsoftStandIn, **more: Any) -> Hubsoft:
    given = {"url": there.url, **CLIENT, "timeout_s": 10, "months_back": 3, "months_ahead": 4, **more}
    return Hubsoft(HubsoftSettings(**given))


def claimed(invoice_id: int, *, urgent: bool = False, age_s: float = 3600.0) -> dict[str, Any]:
    """What the last look knows of a message (of the invoice's number) whose invoice was read so long ago."""
    return {
        "id": invoice_id,
        "invoice_id": invoice_id,
        "invoice_source": "hubsoft",
        "invoice_age_s": age_s,
        "invoice_status": "open",
        "urgent": urgent,
        "now": datetime.now(UTC),
    }
