"""Modelo do SMS: edited with a live preview on a real invoice."""

from __future__ import annotations

from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, invoices, templates
from disparo.db.pool import Connection
from disparo.domain.template import DEFAULT, TemplateRefused, check_template
from disparo.panel import fields
from disparo.panel.access import Person
from disparo.panel.new_dispatch import Text, write
from disparo.panel.notices import done
from disparo.panel.pages import render
from disparo.panel.services import PanelServices, services_of

_PATH = "/painel/modelo"
_LONGEST = 2000
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
    services = services_of(request)
    async with services.pool.acquire() as connection:
        written = await templates.current(connection)
        history = await templates.history(connection)
        people = await accounts.names(connection)
        text = written or services.settings.template or DEFAULT
        preview = await _preview(connection, services, text, None)
    return render(
        request,
        "modelo.html",
        text=text,
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
            fields.number(form, "fatura"),
        )
    return render(request, "_previa.html", **shown)


async def save(request: Request, person: Person) -> Response:
    """Use another template from now on."""
    form = await fields.read_form(request)
    text: str | None = fields.text(form, "modelo", most=_LONGEST)
    if fields.text(form, "acao") == "padrao":
        text = None
    else:
        try:
            check_template(text or "")
        except TemplateRefused as refused:
            raise fields.Wrong(f"{refused.detail} O modelo anterior continua valendo.") from None
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        await templates.write(connection, text, actor=person.actor)
        await accounts.audit(connection, actor=person.actor, action="template_changed")
    return await done(request, person, "Modelo guardado: vale para o próximo SMS.", _PATH)


async def _preview(
    connection: Connection, services: PanelServices, text: str, invoice_id: int | None
) -> dict[str, Any]:
    row = await _invoice(connection, invoice_id)
    sample: Text | None = None
    refused = ""
    if row is not None:
        try:
            sample = write(row, services, text or None)
        except TemplateRefused as error:
            refused = error.detail
    return {"invoice": row, "asked_for": invoice_id, "sample": sample, "refused": refused}


async def _invoice(connection: Connection, invoice_id: int | None) -> asyncpg.Record | None:
    wanted = await invoices.newest(connection) if invoice_id is None else invoice_id
    rows = await invoices.read_texts(connection, [wanted]) if wanted is not None else []
    return rows[0] if rows else None
