"""Respostas: what customers wrote back, newest first; their words on request, which is audited."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, inbound
from disparo.panel import fields
from disparo.panel.access import Person
from disparo.panel.pages import Pager, render
from disparo.panel.services import services_of

_PATH = "/painel/respostas"
_PER_PAGE = 50


async def show(request: Request, person: Person) -> Response:
    """Show one page of the list, the words hidden."""
    del person
    return await _shown(request, fields.number(request.query_params, "antes"))


async def show_texts(request: Request, person: Person) -> Response:
    """Show one page of the list with what they wrote: that is audited."""
    before = fields.number(await fields.read_form(request), "antes")
    async with services_of(request).pool.acquire() as connection:
        await accounts.audit(connection, actor=person.actor, action="replies_viewed")
    return await _shown(request, before, with_text=True)


async def _shown(request: Request, before: int | None, *, with_text: bool = False) -> Response:
    async with services_of(request).pool.acquire() as connection:
        rows = await inbound.page(connection, before=before, limit=_PER_PAGE)
    more = len(rows) > _PER_PAGE
    rows = rows[:_PER_PAGE]
    return render(
        request,
        "respostas.html",
        again=f"{_PATH}?antes={before}" if before else _PATH,
        rows=rows,
        before=before,
        with_text=with_text,
        page=Pager(_PATH if before else None, f"{_PATH}?antes={rows[-1]['id']}" if more else None),
    )
