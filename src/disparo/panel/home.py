"""Início: today at a glance, and what needs a person now."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, time

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import day
from disparo.panel.access import Person
from disparo.panel.matters import matters_of
from disparo.panel.pages import render
from disparo.panel.services import services_of
from disparo.wording import words

#: What the figures and the chart speak of, in the order of a message's life.
_SHOWN = {
    "new": "Aceitas",
    "accepted": "Entregues à plataforma",
    "delivered": "Entregues no celular",
    "undelivered": "Não entregues",
    "failed": "Falharam",
    "uncertain": "Ficaram incertas",
}


async def show(request: Request, person: Person) -> Response:
    """Show the whole page."""
    return await _shown(request, person, "inicio.html")


async def show_today(request: Request, person: Person) -> Response:
    """Show the part that renews itself."""
    return await _shown(request, person, "_hoje.html")


async def _shown(request: Request, person: Person, template: str) -> Response:
    services = services_of(request)
    zone = services.settings.zone
    now = datetime.now(zone)
    midnight = datetime.combine(now.date(), time(), zone)
    async with services.pool.acquire() as connection:
        rows = await day.read(connection, since=midnight, zone=zone.key)
        matters = await matters_of(connection, services, person)
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["status"]] += row["total"]
    hours = _by_hour(rows, now)
    return render(
        request,
        template,
        shown=_SHOWN,
        totals=totals,
        platforms=_by_platform(rows),
        chart=json.dumps(hours),
        hours=hours,
        matters=matters,
    )


def _by_platform(rows: list[asyncpg.Record]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        if row["platform"]:
            found.setdefault(row["platform"], Counter())[row["status"]] += row["total"]
    return dict(sorted(found.items()))


def _by_hour(rows: list[asyncpg.Record], now: datetime) -> dict[str, list[object]]:
    hours = list(range(now.hour + 1))
    counts = {status: [0] * len(hours) for status in _SHOWN}
    for row in rows:
        hour = row["hour"].astimezone(now.tzinfo).hour
        if row["status"] in counts and hour < len(hours):
            counts[row["status"]][hour] += row["total"]
    lines: list[object] = [
        {"name": name, "values": counts[status], "colour": words.STATUS_COLOUR.get(status, "primary")}
        for status, name in _SHOWN.items()
    ]
    return {"hours": [f"{hour:02d}h" for hour in hours], "lines": lines}
