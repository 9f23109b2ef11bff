"""A new dispatch: invoices pasted or from a CSV, a dry run, and only then the button."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID, uuid4

import asyncpg
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, invoices, templates
from disparo.db.pool import Connection
from disparo.dispatch import lists
from disparo.dispatch.lists import Plan
from disparo.domain.sms_text import Encoding, SegmentProfile
from disparo.domain.template import InvoiceText, TemplateRefused
from disparo.domain.template import render as render_text
from disparo.domain.windows import Purpose
from disparo.panel import fields
from disparo.panel.access import Forbidden, Person
from disparo.panel.fields import Wrong
from disparo.panel.notices import done
from disparo.panel.pages import render
from disparo.panel.services import PanelServices, services_of

BODY_LIMIT = 4_194_304
_COLUMNS = ("id_fatura", "fatura", "id", "numero")
_SAMPLES = 3
REFUSED = {
    "invoice_unknown": "não está no cadastro",
    "invoice_paid": "já paga",
    "invoice_cancelled": "cancelada",
    "nobody": "sem nenhum celular que possa receber SMS",
}


@dataclass(frozen=True, slots=True)
class Text:
    """One text as a customer would read it."""

    invoice_id: int
    text: str
    segments: int
    is_plain: bool  # without a letter that makes every segment shorter


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a dispatch would come to; `segments` counts each recipient's SMS."""

    plan: Plan
    samples: Sequence[Text]
    segments: int
    unwritable: int


async def show(request: Request, person: Person) -> Response:
    """Show the form."""
    del person
    typed = fields.text(request.query_params, "faturas", most=10_000)
    return render(
        request, "novo_disparo.html", typed=typed, price="", run=None, wrong=None, most=lists.MOST_INVOICES
    )


async def simulate(request: Request, person: Person) -> Response:
    """Show what a list would come to; nothing is sent or stored."""
    form = await fields.read_form(request)
    typed, price = _text(form, "faturas"), fields.text(form, "preco", most=20)
    try:
        wanted = await _wanted(form, person)
        cost = _price(price)
        async with services_of(request).pool.acquire() as connection:
            run = await _dry_run(connection, services_of(request), wanted)
    except Wrong as wrong:
        return render(
            request,
            "novo_disparo.html",
            status=422,
            typed=typed,
            price=price,
            run=None,
            wrong=str(wrong),
            most=lists.MOST_INVOICES,
        )
    return render(
        request,
        "novo_disparo.html",
        typed="\n".join(map(str, wanted)),
        price=price,
        run=run,
        cost=None if cost is None else cost * run.segments,
        refused=REFUSED,
        new_id=uuid4(),
        wrong=None,
        most=lists.MOST_INVOICES,
    )


async def create(request: Request, person: Person) -> Response:
    """Store the dispatch that was looked at; sent twice it is still one."""
    form = await fields.read_form(request)
    services, wanted = services_of(request), await _wanted(form, person)
    try:
        dispatch_id = UUID(fields.text(form, "disparo"))
    except ValueError:
        raise Wrong("A simulação não veio junto. Simule de novo antes de enviar.") from None
    if not services.accept.has_platform:
        raise Wrong("Nenhuma plataforma de SMS está configurada: nada seria enviado.")
    async with services.pool.acquire() as connection, connection.transaction():
        planned = await lists.plan(connection, wanted, services.accept)
        if not planned.reached:
            raise Wrong("Nenhuma fatura desta lista pode ser enviada. Veja os motivos na simulação.")
        purpose = await _purpose(connection, planned, services)
        new = await lists.create(
            connection, dispatch_id, planned, services.accept, purpose=purpose, user_id=person.user_id
        )
        if new:
            detail = {"dispatch": str(dispatch_id), "messages": planned.messages}
            await accounts.audit(connection, actor=person.actor, action="dispatch_created", detail=detail)
    notice = f"Disparo criado: {planned.messages} SMS." if new else "Este disparo já tinha sido criado."
    return await done(request, person, notice, f"/painel/disparos/{dispatch_id}")


async def _purpose(connection: Connection, planned: Plan, services: PanelServices) -> Purpose:
    """Give why it is sent: one invoice because the customer asked; a list by its due dates, strictly."""
    if len(planned.reached) == 1:
        return Purpose.REQUESTED
    rows = await invoices.read_texts(connection, list(planned.reached))
    today = datetime.now(services.settings.zone).date()
    late = any(row["due_date"] < today for row in rows)
    return Purpose.COLLECTION if late else Purpose.NOTICE


async def _wanted(form: FormData, person: Person) -> list[int]:
    upload = form.get("arquivo")
    if isinstance(upload, UploadFile) and upload.filename:
        wanted = read_csv(await upload.read())
    else:
        wanted = read_pasted(_text(form, "faturas"))
    if not wanted:
        raise Wrong("Cole os números das faturas, um por linha, ou escolha um arquivo CSV.")
    if len(wanted) > lists.MOST_INVOICES:
        raise Wrong(
            f"São {len(wanted)} faturas; aqui cabem {lists.MOST_INVOICES} de cada vez. "
            "Divida em listas menores."
        )
    if len(wanted) > 1 and not person.may("send_bulk"):
        raise Forbidden
    return wanted


def read_pasted(text: str) -> list[int]:
    """Read invoice numbers as people paste them; raises Wrong naming the first that is none."""
    found: dict[int, None] = {}
    for word in re.split(r"[\s,;]+", text):
        if not word:
            continue
        number = fields.id_of(word.removeprefix("#"))
        if number is None:
            raise Wrong(f"“{word[:30]}” não é um número de fatura. Deixe só os números, um por linha.")
        found[number] = None
    return list(found)


def read_csv(raw: bytes) -> list[int]:
    """Read invoice numbers from the column `id_fatura`, or the first one; raises Wrong naming the line."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    first = text.split("\n", 1)[0]
    delimiter = max(";,\t", key=first.count)
    lines = list(csv.reader(io.StringIO(text.replace("\0", "")), delimiter=delimiter))
    header = [cell.strip().lower() for cell in lines[0]] if lines else []
    named = next((header.index(name) for name in _COLUMNS if name in header), None)
    found: dict[int, None] = {}
    for place, line in enumerate(lines, 1):
        cell = line[named or 0].strip() if len(line) > (named or 0) else ""
        number = fields.id_of(cell)
        if number is not None:
            found[number] = None
        elif cell and place > 1:
            raise Wrong(f"Linha {place} do arquivo: “{cell[:30]}” não é um número de fatura.")
    return list(found)


async def _dry_run(connection: Connection, services: PanelServices, wanted: list[int]) -> DryRun:
    planned = await lists.plan(connection, wanted, services.accept)
    template = await templates.current(connection) or services.settings.template
    samples: list[Text] = []
    segments = unwritable = 0
    for row in await invoices.read_texts(connection, list(planned.reached)):
        try:
            text = write(row, services, template)
        except TemplateRefused:
            unwritable += 1
            continue
        segments += text.segments * len(planned.reached[row["id"]].recipients)
        if len(samples) < _SAMPLES:
            samples.append(text)
    return DryRun(planned, samples, segments, unwritable)


def write(row: asyncpg.Record, services: PanelServices, template: str | None) -> Text:
    """Write an invoice's text as the first platform would cut it; raises TemplateRefused."""
    settings = services.settings
    first = next(iter(services.platforms.values()), None)
    profile = SegmentProfile() if first is None else first.capabilities.profile
    found = render_text(
        InvoiceText(
            brand=settings.brand,
            customer_name=row["name"],
            amount=row["amount"],
            due_date=row["due_date"],
            today=datetime.now(settings.zone).date(),
            link=row["link"],
            linha_digitavel=row["linha_digitavel"],
            pix=row["pix"],
        ),
        replace(profile, max_parts=min(profile.max_parts, settings.max_segments)),
        template=template,
    )
    return Text(row["id"], found.text, found.segments, found.encoding is Encoding.GSM7)


def _text(form: FormData, name: str) -> str:
    return fields.text(form, name, most=BODY_LIMIT)


def _price(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        price = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise Wrong("O preço deve ser um valor, por exemplo 0,08.") from None
    if not price.is_finite() or not 0 <= price < 1000:  # noqa: PLR2004 - reais for one SMS
        raise Wrong("O preço deve ser um valor, por exemplo 0,08.")
    return price
