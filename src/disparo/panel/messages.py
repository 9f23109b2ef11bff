"""Mensagens: every message, by state, platform and day, and the same as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, message_pages
from disparo.db.message_pages import Wanted
from disparo.panel import export, fields
from disparo.panel.access import Person
from disparo.panel.pages import Pager, render
from disparo.panel.services import PanelServices, services_of
from disparo.wording import words

_PER_PAGE = 50
_PATH = "/painel/mensagens"
HEADER = (
    "mensagem", "criada em", "fatura", "cliente", "nome", "telefone", "situação", "motivo", "plataforma",
    "segmentos", "mudou em", "disparo", "código",
)  # fmt: skip


async def show(request: Request, person: Person) -> Response:
    """Show one page of the list."""
    del person
    services = services_of(request)
    query = request.query_params
    since, until, wrong = fields.filter_span(query, services.settings.zone)
    wanted = _wanted(query, since, until)
    before = fields.number(query, "antes")
    async with services.pool.acquire() as connection:
        found = await message_pages.page(connection, wanted, before=before, limit=_PER_PAGE)
        codes = await message_pages.codes(connection, found.rows)
    chosen = {name: fields.text(query, name) for name in ("situacao", "plataforma", "de", "ate")}
    kept = {name: value for name, value in chosen.items() if value}
    return render(
        request,
        "mensagens.html",
        status=422 if wrong else 200,
        wrong=wrong,
        rows=found.rows,
        codes=codes,
        chosen=chosen,
        platforms=list(services.platforms),
        looked_on=found.next_id is not None and len(found.rows) < _PER_PAGE,
        export_address=f"{_PATH}.csv?{urlencode(kept)}",
        page=Pager.of(
            _PATH,
            kept,
            past_first=bool(before),
            cursor={"antes": found.next_id} if found.next_id else None,
        ),
    )


async def show_csv(request: Request, person: Person) -> Response:
    """Give the whole list as a file."""
    services, query = services_of(request), request.query_params
    wanted = _wanted(query, *fields.span(query, services.settings.zone))
    async with services.pool.acquire() as connection:
        await accounts.audit(connection, actor=person.actor, action="exported", detail={"list": "mensagens"})
    return export.answer("mensagens", HEADER, _lines(services, wanted))


async def _lines(services: PanelServices, wanted: Wanted) -> AsyncIterator[list[object]]:
    before: int | None = None
    while True:
        async with services.pool.acquire() as connection:
            found = await message_pages.page(connection, wanted, before=before, limit=export.PAGE)
            codes = await message_pages.codes(connection, found.rows)
        for row in found.rows:
            yield export.message_line(row, services.settings.zone, codes.get(row["id"]))
        before = found.next_id
        if before is None:
            return


def _wanted(query: QueryParams, since: datetime | None, until: datetime | None) -> Wanted:
    return Wanted(
        status=fields.choice(query, "situacao", words.STATUS) or None,
        platform=fields.text(query, "plataforma") or None,
        since=since,
        until=until,
    )
