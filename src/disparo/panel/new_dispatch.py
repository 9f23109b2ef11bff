"""A new dispatch up to its dry run: invoices pasted, from a CSV or by due date."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlencode

import asyncpg
from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, invoices, overlaps, templates
from disparo.db.pool import Connection
from disparo.dispatch import bulk
from disparo.dispatch.bulk import Selection
from disparo.dispatch.bulk_estimate import FirstLine
from disparo.dispatch.bulk_simulate import Simulation, simulate_run, who_is_left_out
from disparo.dispatch.from_settings import offers_of, rules_of
from disparo.dispatch.preview import Preview, preview
from disparo.dispatch.rules import Rules
from disparo.domain.ids import new_id
from disparo.domain.money import read_price
from disparo.domain.sms_text import not_passed_on
from disparo.domain.template import TemplateRefused
from disparo.panel import export, fields
from disparo.panel.access import Forbidden, Person
from disparo.panel.fields import Wrong
from disparo.panel.invoice_list import read_csv, read_pasted
from disparo.panel.pages import render
from disparo.panel.progress import what_stops_all
from disparo.panel.services import PanelServices, services_of
from disparo.sources.lookout import AGAIN_AFTER_S, PATIENCE_S
from disparo.wording import words
from disparo.wording.duration_words import duration, starts_later, too_slow

BODY_LIMIT = 4_194_304
_SAMPLES = 3
_PATH = "/painel/disparos/novo"
_ONE_AT_A_TIME = f"Para mais de uma fatura é preciso a permissão “{words.PERMISSION['send_bulk']}”."
#: Proxies take no longer ones without being told so.
_LONGEST_QUERY = 2000


@dataclass(frozen=True, slots=True)
class Text:
    """One text as a customer would read it."""

    invoice_id: int
    shown: Preview
    not_passed_on: Sequence[str]  # signs that carriers here may lose


@dataclass(frozen=True, slots=True)
class _Typed:
    """What stands in the form."""

    price: str = ""
    due_from: str = ""
    due_to: str = ""
    invoices: str = ""

    @property
    def address(self) -> str:
        """Where the form is as it was filled in; of a list too long for an address, empty."""
        named = {"preco": self.price, "de": self.due_from, "ate": self.due_to, "faturas": self.invoices}
        query = urlencode({name: value for name, value in named.items() if value})
        return f"{_PATH}?{query}" if query and len(query) <= _LONGEST_QUERY else _PATH


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a dispatch would come to, with some texts; `cost` None: no price is known.

    `looked_at`: when, by the database's clock; `is_overlapped`: by a run of some of these invoices that does
    not know yet whom it goes to: they are not counted among the recent. `template_id`: by which template.
    `takes`, `too_slow`, `later`, `stopped_by` (why nothing goes now): in words, None where there is nothing
    to say.
    """

    looked_at: datetime
    is_overlapped: bool
    template_id: int
    found: Simulation
    samples: Sequence[Text]
    first: FirstLine | None
    cost: Decimal | None
    takes: str | None
    too_slow: str | None
    later: str | None
    stopped_by: str | None


async def show(request: Request, person: Person) -> Response:
    """Show the form."""
    del person
    typed = _typed(request.query_params)
    return _form(request, replace(typed, invoices=fields.text(request.query_params, "faturas", most=10_000)))


async def simulate(request: Request, person: Person) -> Response:
    """Show what a list would come to; nothing is sent or stored."""
    form = await fields.read_form(request)
    chosen = _typed(form)
    try:
        wanted = await wanted_of(form, person)
        run = await _dry_run(services_of(request), wanted, _price(chosen.price))
    except (Wrong, Forbidden) as wrong:
        chosen = replace(chosen, invoices=_text(form, "faturas"))
        if isinstance(wrong, Forbidden):
            return _form(request, chosen, status=403, wrong=_ONE_AT_A_TIME)
        return _form(request, chosen, status=422, wrong=str(wrong))
    chosen = replace(chosen, invoices="\n".join(map(str, wanted.invoice_ids or ())))
    return _form(request, chosen, run=run)


async def show_left_out(request: Request, person: Person) -> Response:
    """Give who of a list would get nothing, and why, as a file."""
    services = services_of(request)
    wanted = await wanted_of(await fields.read_form(request), person)
    async with services.pool.acquire() as connection:
        await accounts.audit(
            connection, actor=person.actor, action="exported", detail={"list": "quem fica de fora"}
        )
    found = who_is_left_out(services.pool, wanted, _rules(services, wanted))
    lines = (
        [row["invoice_id"], row["customer_id"], row["name"], row["phone"], words.LEFT_OUT[row["reason"]][0]]
        async for row in found
    )
    return export.answer("fora-do-disparo", ("fatura", "cliente", "nome", "telefone", "motivo"), lines)


def _typed(form: FormData | QueryParams) -> _Typed:
    return _Typed(*(fields.text(form, name, most=20) for name in ("preco", "de", "ate")))


def _form(
    request: Request,
    typed: _Typed,
    *,
    status: int = 200,
    run: DryRun | None = None,
    wrong: str | None = None,
) -> Response:
    return render(
        request,
        "novo_disparo.html",
        status=status,
        again=typed.address,
        typed=typed,
        run=run,
        new_id=new_id(),
        wrong=wrong,
        most=bulk.MOST_IDS,
        delay_s=services_of(request).settings.dispatch_delay_s,
    )


async def wanted_of(form: FormData, person: Person) -> Selection:
    """Give the invoices that a form names; raises Wrong, or Forbidden for too many."""
    upload = form.get("arquivo")
    wanted = await asyncio.to_thread(read_pasted, _text(form, "faturas"))
    if isinstance(upload, UploadFile) and upload.filename:
        pasted = wanted
        wanted = await asyncio.to_thread(read_csv, await upload.read())  # seconds, of lines by the million
        if not set(pasted).issubset(wanted):
            raise Wrong("Há números de faturas que não estão no arquivo: deixe só um dos dois.")
    first, last = fields.days(form)
    if not wanted and (first or last) is None:
        raise Wrong("Cole os números das faturas, escolha um arquivo CSV, ou informe o vencimento.")
    if wanted and (first or last) is not None:
        raise Wrong("Há números de faturas e também vencimento: deixe só um dos dois.")
    if len(wanted) > bulk.MOST_IDS:
        many = words.several(len(wanted), "fatura", "faturas")
        raise Wrong(f"São {many}; aqui cabem {bulk.MOST_IDS} de cada vez. Divida em listas menores.")
    if len(wanted) != 1 and not person.may("send_bulk"):
        raise Forbidden("send_bulk")
    return Selection(sorted(wanted)) if wanted else Selection(None, first, last)


async def _dry_run(services: PanelServices, wanted: Selection, price: Decimal | None) -> DryRun:
    settings = services.settings
    async with services.pool.acquire() as connection:
        async with connection.transaction():  # what is stored just now would bear an earlier moment
            await overlaps.look_at_others(connection)
            looked_at = await overlaps.moment(connection)
        is_overlapped = await overlaps.is_being_listed(
            connection, invoice_ids=wanted.invoice_ids, due_from=wanted.due_from, due_to=wanted.due_to
        )
        template_id = await templates.last_id(connection)
        template = await templates.current(connection) or settings.template
    offers, rules = offers_of(settings), _rules(services, wanted)
    is_single = wanted.single is not None
    found = await simulate_run(services.pool, wanted, offers, rules, at_any_hour=is_single)
    if "invoice_unknown" in found.skipped and await _look_for(services, wanted):
        found = await simulate_run(services.pool, wanted, offers, rules, at_any_hour=is_single)
    async with services.pool.acquire() as connection:
        samples = await _samples(connection, services, found.examples, template)
        stopped_by = await what_stops_all(connection, services)
    first = found.first
    cost = None if first is None else first.cost
    if price is not None and first is not None:
        cost = price * first.segments
    takes = duration(found.duration.whole_s) if found.duration and found.duration.whole_s else None
    slow = too_slow(found.duration and found.duration.open_s, timeout_s=settings.timeout_s)
    later = starts_later(found.openings, of=found.recipients, zone=settings.zone)
    return DryRun(
        looked_at,
        is_overlapped,
        template_id,
        found,
        samples,
        first,
        cost,
        takes,
        slow,
        later,
        stopped_by,
    )


def _rules(services: PanelServices, wanted: Selection) -> Rules:
    """Give the rules that hold for what is chosen: a single invoice goes as its customer asked for it."""
    rules = rules_of(services.settings)
    if wanted.single is not None:
        return replace(rules, max_per_phone_day=0, max_per_phone_week=0)
    return rules


async def _look_for(services: PanelServices, wanted: Selection) -> bool:
    """Have a single invoice looked for that may have been made a moment ago; False where nobody could.

    Raises Wrong where the source does not answer.
    """
    invoice_id = wanted.single
    if services.lookout is None or invoice_id is None:
        return False
    if not await services.lookout.look_for(invoice_id, patience_s=PATIENCE_S, again_after_s=AGAIN_AFTER_S):
        raise Wrong(f"{words.source_silent(invoice_id)} Simule de novo em instantes.")
    return True


async def _samples(
    connection: Connection, services: PanelServices, examples: Mapping[int, bool], template: str | None
) -> list[Text]:
    found: list[Text] = []
    for row in await invoices.read_texts(connection, list(examples)):
        try:
            found.append(write(row, services, template, is_overdue=examples[row["id"]]))
        except TemplateRefused:
            continue
        if len(found) == _SAMPLES:
            break
    return found


def write(
    row: asyncpg.Record, services: PanelServices, template: str | None, *, is_overdue: bool | None = None
) -> Text:
    """Write an invoice's text as the first platform would cut it; see `preview`."""
    found = preview(row, template, services.settings, is_overdue=is_overdue)
    return Text(row["id"], found, not_passed_on(found.text))


def _text(form: FormData, name: str) -> str:
    return fields.text(form, name, most=BODY_LIMIT)


def _price(text: str) -> Decimal | None:
    price = read_price(text) if text else None
    if text and price is None:
        raise Wrong("O preço deve ser um valor, por exemplo 0,08.")
    return price
