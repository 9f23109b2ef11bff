"""Extrato: what each platform took day by day, to be held against its bill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, platform_use
from disparo.panel import export, fields
from disparo.panel.access import Person
from disparo.panel.fields import Wrong
from disparo.panel.services import PanelServices, services_of
from disparo.platforms.registry import cost_per_segment

HEADER = (
    "dia", "plataforma", "entregues à plataforma", "segmentos", "custo (R$)", "entregues ao aparelho",
    "não entregues", "sem confirmação", "incertas",
)  # fmt: skip
_LONGEST = timedelta(days=366)


def this_month(zone: ZoneInfo) -> tuple[date, date]:
    """Give the first day of the month and today: what the form asks for until somebody says otherwise."""
    today = datetime.now(zone).date()
    return today.replace(day=1), today


def period_of(query: QueryParams) -> tuple[date, date]:
    """Give the first and the last day that are asked for; raises Wrong where they are no period of a year."""
    first, last = fields.days(query)
    if first is None or last is None:
        raise Wrong("Informe o primeiro e o último dia do extrato.")
    if last - first >= _LONGEST:
        raise Wrong("Peça o extrato de um ano de cada vez.")
    return first, last


async def show_csv(request: Request, person: Person, first: date, last: date) -> Response:
    """Give the days of a period as a file."""
    services = services_of(request)
    detail = {"list": "extrato", "from": first.isoformat(), "to": last.isoformat()}
    async with services.pool.acquire() as connection:
        await accounts.audit(connection, actor=person.actor, action="exported", detail=detail)
    return export.answer(f"extrato-{first}-a-{last}", HEADER, _lines(services, first, last))


async def _lines(services: PanelServices, first: date, last: date) -> AsyncIterator[list[object]]:
    zone, tables = services.settings.zone, services.settings.platforms
    prices = {name: cost_per_segment(name, table) for name, table in tables.items()}
    last = min(last, datetime.now(zone).date())
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        since = datetime.combine(day, time(), zone)
        until = datetime.combine(day + timedelta(days=1), time(), zone)
        async with services.pool.acquire() as connection:
            rows = await platform_use.taken(connection, since=since, until=until)
        for row in rows:
            yield _line(day, row, prices.get(row["platform"]))


def _line(day: date, row: asyncpg.Record, price: Decimal | None) -> list[object]:
    return [
        day.strftime("%d/%m/%Y"),
        row["platform"],
        row["taken"],
        row["segments"],
        None if price is None else f"{price * row['segments']:f}".replace(".", ","),
        row["delivered"],
        row["undelivered"],
        row["taken"] - row["delivered"] - row["undelivered"],
        row["uncertain"],
    ]
