"""Descadastros: numbers whose owners want no SMS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts
from disparo.db import opt_outs as table
from disparo.panel import export, fields
from disparo.panel.access import Person
from disparo.panel.cursors import moment_and_text, read_moment_and_text
from disparo.panel.notices import done
from disparo.panel.pages import Pager, render
from disparo.panel.services import PanelServices, services_of
from disparo.wording import words
from disparo.wording.moment_words import to_second

_PATH = "/painel/descadastros"
_PER_PAGE = 50


async def show(request: Request, person: Person) -> Response:
    """Show a page of the list, or whether one number is on it."""
    del person
    query = request.query_params
    typed, before = fields.text(query, "telefone"), read_moment_and_text(fields.text(query, "antes"))
    phone = fields.phone(typed) if typed else None
    e164 = phone.e164 if phone else None
    async with services_of(request).pool.acquire() as connection:
        rows = await table.page(connection, e164=e164, before=before, limit=_PER_PAGE)
        people = await accounts.names(connection)
    more = len(rows) > _PER_PAGE
    rows = rows[:_PER_PAGE]
    cursor = moment_and_text(rows[-1]["created_at"], rows[-1]["e164"]) if more else ""
    return render(
        request,
        "descadastros.html",
        rows=rows,
        people=people,
        typed=typed,
        takes_sms=phone is not None and phone.takes_sms,
        page=Pager(_PATH if before else None, f"{_PATH}?{urlencode({'antes': cursor})}" if more else None),
    )


async def add(request: Request, person: Person) -> Response:
    """Enter a number."""
    phone = fields.phone(fields.text(await fields.read_form(request), "telefone"))
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        new = await table.add_asked(connection, phone.e164, actor=person.actor)
    text = (
        "Número descadastrado: nenhum SMS vai mais para ele." if new else "O número já estava descadastrado."
    )
    return await done(request, person, text, _PATH, is_done=new)


async def remove(request: Request, person: Person) -> Response:
    """Strike a number off."""
    phone = fields.phone(fields.text(await fields.read_form(request), "telefone"))
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        found = await table.remove_asked(connection, phone.e164, actor=person.actor)
    text = "O número volta a receber SMS." if found else "O número não estava descadastrado."
    return await done(request, person, text, _PATH, is_done=found)


async def show_csv(request: Request, person: Person) -> Response:
    """Give the whole list as a file."""
    services = services_of(request)
    async with services.pool.acquire() as connection:
        await accounts.audit(
            connection, actor=person.actor, action="exported", detail={"list": "descadastros"}
        )
    return export.answer("descadastros", ("telefone", "motivo", "desde"), _lines(services))


async def _lines(services: PanelServices) -> AsyncIterator[list[object]]:
    before = None
    while True:
        async with services.pool.acquire() as connection:
            rows = await table.page(connection, e164=None, before=before, limit=export.PAGE)
        for row in rows[: export.PAGE]:
            reason = words.OPT_OUT.get(row["reason"], row["reason"])
            since = to_second(row["created_at"], services.settings.zone)
            yield [row["e164"].removeprefix("+55"), reason, since]
        if len(rows) <= export.PAGE:
            return
        last = rows[export.PAGE - 1]
        before = (last["created_at"], last["e164"])
