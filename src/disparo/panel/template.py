"""Modelo do SMS: edited with a live preview on a real invoice."""

from __future__ import annotations

import re
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, invoices, templates
from disparo.db.pool import Connection
from disparo.domain.template import DEFAULT, TemplateRefused, check_template
from disparo.panel import fields
from disparo.panel.access import Person
from disparo.panel.invoice_list import read_number
from disparo.panel.new_dispatch import Text, write
from disparo.panel.notices import done
from disparo.panel.pages import render
from disparo.panel.services import PanelServices, services_of

_PATH = "/painel/modelo"
_LONGEST = 2000
#: The number of the template that a form was shown with; 0: nobody had written one.
_SEEN = re.compile("[0-9]{1,18}")
#: What may stand in a template, and what becomes of it.
NAMES = {
    "{marca}": "o nome do provedor",
    "{primeiro_nome}": "o primeiro nome do cliente; some se o texto ficar grande",
    "{valor}": "o valor da fatura (obrigatório)",
    "{vence}": "“vence”, ou “venceu” nas vencidas",
    "{vencimento}": "o dia do vencimento (obrigatório)",
    "{pagamento}": "como pagar: o link; sem link, a linha digitável; sem ela, o Pix",
    "{observacao}": "“Se ja pagou, desconsidere.” nas vencidas; some se o texto ficar grande",
    "{link}": "só o link",
    "{linha_digitavel}": "só a linha digitável",
    "{pix}": "só o Pix copia e cola",
}


async def show(request: Request, person: Person) -> Response:
    """Show the template that counts, with a preview on the newest invoice."""
    del person
    return await _page(request)


async def _page(
    request: Request,
    *,
    status: int = 200,
    typed: str | None = None,
    wrong: str = "",
    overtaken: bool = False,
    asked: str = "",
    seen: int | None = None,
) -> Response:
    """Show the form: with the template that counts, or with what was `typed` and is not kept.

    `wrong`: why it is not; `overtaken`: because somebody else has written another one meanwhile; `seen`: the
    one that counted when the form was first shown, where that was before; `asked`: whose preview.
    """
    services = services_of(request)
    async with services.pool.acquire() as connection:
        history = await templates.history(connection)
        people = await accounts.names(connection)
        written = history[0]["text"] if history else None
        current = written or services.settings.template or DEFAULT
        text = current if typed is None else typed
        preview = await _preview(connection, services, text, asked)
    last = history[0]["id"] if history else 0
    return render(
        request,
        "modelo.html",
        status=status,
        text=text,
        current=current,
        wrong=wrong,
        overtaken=overtaken,
        last=last if seen is None else seen,
        is_written=written is not None,
        names=NAMES,
        history=history,
        people=people,
        **preview,
    )


async def show_preview(request: Request, person: Person) -> Response:
    """Show what a text that is being written would come to."""
    del person
    form = await fields.read_form(request)
    async with services_of(request).pool.acquire() as connection:
        shown = await _preview(
            connection,
            services_of(request),
            fields.text(form, "modelo", most=_LONGEST),
            fields.text(form, "fatura"),
        )
    return render(request, "_previa.html", **shown)


async def save(request: Request, person: Person) -> Response:
    """Use another template from now on, unless somebody else has written one since the form was shown."""
    form = await fields.read_form(request)
    typed = fields.text(form, "modelo", most=_LONGEST)
    said, action = fields.text(form, "visto"), fields.text(form, "acao")
    seen = int(said) if _SEEN.fullmatch(said) else None
    asked = fields.text(form, "fatura")
    if action == "previa":  # where no script shows it while it is written
        return await _page(request, typed=typed, asked=asked, seen=seen)
    text = None if action == "padrao" else typed
    if text is not None:
        try:
            check_template(text)
        except TemplateRefused as refused:
            return await _page(request, status=422, typed=typed, wrong=refused.detail, asked=asked, seen=seen)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        is_written = await templates.write(connection, text, actor=person.actor, instead_of=seen)
        if is_written:
            await accounts.audit(connection, actor=person.actor, action="template_changed")
    if not is_written:
        return await _page(request, status=409, typed=typed, overtaken=True)
    return await done(request, person, "Modelo salvo: vale para o próximo SMS.", _PATH)


async def _preview(connection: Connection, services: PanelServices, text: str, asked: str) -> dict[str, Any]:
    row = await _invoice(connection, asked)
    sample: Text | None = None
    refused = ""
    if row is not None:
        try:
            check_template(text)  # of an empty one the program's own would be written
            sample = write(row, services, text)
        except TemplateRefused as error:
            refused = error.detail
    return {"invoice": row, "asked_for": asked, "sample": sample, "refused": refused}


async def _invoice(connection: Connection, asked: str) -> asyncpg.Record | None:
    """Give the invoice that was typed, and of no other where there is none; the newest where none was."""
    wanted = read_number(asked.removeprefix("#")) if asked else await invoices.newest(connection)
    rows = await invoices.read_texts(connection, [wanted]) if wanted is not None else []
    return rows[0] if rows else None
