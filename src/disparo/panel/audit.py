"""Auditoria: who did what, and when."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts
from disparo.db import audit as table
from disparo.panel import export, fields
from disparo.panel.access import Person
from disparo.panel.pages import Pager, render
from disparo.panel.services import PanelServices, services_of
from disparo.wording import words
from disparo.wording.moment_words import to_second

_PATH = "/painel/auditoria"
_PER_PAGE = 50


async def show(request: Request, person: Person) -> Response:
    """Show one page of the log."""
    del person
    query, services = request.query_params, services_of(request)
    since, until, wrong = fields.filter_span(query, services.settings.zone)
    wanted = _wanted(query, since, until)
    before = fields.number(query, "antes")
    async with services.pool.acquire() as connection:
        rows = await table.page(connection, **wanted, before=before, limit=_PER_PAGE)
        people = await accounts.names(connection)
    chosen = {name: fields.text(query, name) for name in ("quem", "acao", "de", "ate")}
    kept = {name: value for name, value in chosen.items() if value}
    more = len(rows) > _PER_PAGE
    rows = rows[:_PER_PAGE]
    return render(
        request,
        "auditoria.html",
        status=422 if wrong else 200,
        wrong=wrong,
        rows=[(row, detail(row["detail"], people)) for row in rows],
        people=people,
        chosen=chosen,
        export_address=f"{_PATH}.csv?{urlencode(kept)}",
        page=Pager.of(
            _PATH, kept, past_first=bool(before), cursor={"antes": rows[-1]["id"]} if more else None
        ),
    )


def _wanted(query: QueryParams, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    return {
        "user_id": fields.number(query, "quem"),
        "action": fields.choice(query, "acao", words.ACTION) or None,
        "since": since,
        "until": until,
    }


async def show_csv(request: Request, person: Person) -> Response:
    """Give what the filter finds as a file."""
    services, query = services_of(request), request.query_params
    wanted = _wanted(query, *fields.span(query, services.settings.zone))
    async with services.pool.acquire() as connection:
        await accounts.audit(connection, actor=person.actor, action="exported", detail={"list": "auditoria"})
        people = await accounts.names(connection)
    lines = _lines(services, people, wanted)
    return export.answer("auditoria", ("quando", "quem", "o que fez", "detalhe"), lines)


async def _lines(
    services: PanelServices, people: Mapping[int, str], wanted: Mapping[str, Any]
) -> AsyncIterator[list[object]]:
    before: int | None = None
    while True:
        async with services.pool.acquire() as connection:
            rows = await table.page(connection, **wanted, before=before, limit=export.PAGE)
        for row in rows[: export.PAGE]:
            yield [
                to_second(row["at"], services.settings.zone),
                words.actor(row["actor"], people),
                words.ACTION.get(row["action"], row["action"]),
                detail(row["detail"], people),
            ]
        if len(rows) <= export.PAGE:
            return
        before = rows[export.PAGE - 1]["id"]


_DETAIL = {
    "message": "mensagem",
    "messages": "mensagens",
    "dispatch": "disparo",
    "platform": "plataforma",
    "user": "usuário",
    "permissions": "pode",
    "number": "número",
    "client": "cliente de API",
    "customer": "cliente",
    "jti": "token",
    "list": "lista",
    "kind": "o que",
    "stored": "gravadas",
    "refused": "com erro",
    "kid": "chave",
    "from": "de",
    "to": "até",
}
#: Their values are days, as ISO writes them.
_DAYS = ("from", "to")


def detail(stored: str, people: Mapping[int, str]) -> str:
    """Say in words what an act was about."""
    told, parts = json.loads(stored), []
    # The days last and in their order: the database has names by their length.
    for name in (*(name for name in told if name not in _DAYS), *(day for day in _DAYS if day in told)):
        value = told[name]
        shown = people.get(value, value) if name == "user" and isinstance(value, int) else value
        if name == "permissions":
            shown = words.permissions(value)
        if name in _DAYS:
            shown = date.fromisoformat(value).strftime("%d/%m/%Y")
        parts.append(f"{_DETAIL.get(name, name)}: {shown}")
    return ", ".join(parts)
