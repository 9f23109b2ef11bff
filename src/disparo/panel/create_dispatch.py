"""The button under a dry run: the dispatch that was looked at is stored, and once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from uuid import UUID

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, dispatches, overlaps, templates
from disparo.db.bulk_slices import count_due
from disparo.db.idempotency import Key
from disparo.db.pool import Connection
from disparo.dispatch import bulk
from disparo.dispatch.accept import accept_batch
from disparo.dispatch.bulk import RunOrder, Selection
from disparo.dispatch.calls import Call, Caller, Done, Reason, Refused
from disparo.dispatch.group_commit import KeyInUse
from disparo.dispatch.slots import Slots
from disparo.dispatch.store_once import store_once
from disparo.domain.windows import Purpose
from disparo.panel import fields
from disparo.panel.access import Person
from disparo.panel.fields import Wrong
from disparo.panel.new_dispatch import wanted_of
from disparo.panel.notices import done
from disparo.panel.services import PanelServices, services_of
from disparo.wording import words

_ROUTE = "painel"
_NOT_SIMULATED = "A simulação não veio junto. Simule de novo antes de enviar."
_OVERTAKEN = (
    "Nada foi feito: desde a sua simulação outro disparo com faturas desta lista foi criado. "
    "Simule de novo para ver quem já recebeu ou vai receber."
)
_OTHER_TEXT = "Nada foi feito: desde a sua simulação o modelo do SMS foi mudado. Simule de novo para vê-lo."
#: By so much, in a hundred, a period may have grown since it was looked at: a source brings some all day.
_GROWTH = 1
_BEING_LISTED = (
    "Nada foi feito: um disparo em lote com esta fatura ainda não montou toda a sua lista, e não se sabe a "
    "quem mais ele vai enviar. Espere que termine (pausado, só termina retomado ou cancelado) e simule de "
    "novo."
)
_REFUSED: Mapping[Reason, str] = {
    Reason.INVOICE_UNKNOWN: "A fatura não está no cadastro.",
    Reason.INVOICE_PAID: "A fatura já está paga.",
    Reason.INVOICE_CANCELLED: "A fatura foi cancelada.",
    Reason.INVOICE_ZERO: "A fatura é de R$ 0,00.",
    Reason.NOBODY: "A fatura não tem nenhum celular que possa receber SMS.",
    Reason.NO_PLATFORM: "Nenhuma plataforma de SMS está configurada: nada seria enviado.",
}


async def create(request: Request, person: Person) -> Response:
    """Store the dispatch that was looked at; sent twice, or its COMMIT unanswered, it is still one."""
    form = await fields.read_form(request)
    services, wanted = services_of(request), await wanted_of(form, person)
    try:
        dispatch_id = UUID(fields.text(form, "disparo"))
    except ValueError:
        raise Wrong(_NOT_SIMULATED) from None
    if not services.accept.has_platform:
        raise Wrong(_REFUSED[Reason.NO_PLATFORM])
    only_others = fields.text(form, "a_quem") == "outros"
    looked_at = None if only_others else _looked_at(form)  # to the others alone nothing goes twice
    seen, template = fields.number(form, "na_lista"), fields.text(form, "modelo")

    async def work(connection: Connection) -> UUID:
        if looked_at is not None:
            await overlaps.look_at_others(connection)  # whoever does the same waits for this transaction
        stored, is_new = await _store(
            connection, services, wanted, person, dispatch_id, only_others=only_others
        )
        if is_new and looked_at is not None:
            await _check_alone(connection, wanted, stored, looked_at)
        if is_new and seen is not None and wanted.invoice_ids is None:
            await _check_size(connection, wanted, seen)
        if is_new and template not in ("", str(await templates.last_id(connection))):
            raise Wrong(_OTHER_TEXT)
        return stored

    try:
        stored = await store_once(services.pool, work)
    except KeyInUse:
        raise Wrong("Este disparo está sendo criado agora. Espere um instante e veja a lista.") from None
    return await done(request, person, "Disparo criado.", f"/painel/disparos/{stored}")


async def _store(
    connection: Connection,
    services: PanelServices,
    wanted: Selection,
    person: Person,
    dispatch_id: UUID,
    *,
    only_others: bool,
) -> tuple[UUID, bool]:
    """Store a dispatch once for each id that a form came with; gives its id, and whether it is new."""
    invoice_id = wanted.single
    if invoice_id is None:
        order = RunOrder(wanted, person.actor, user_id=person.user_id, only_others=only_others)
        run = await bulk.store_run(connection, order, services.accept, dispatch_id=dispatch_id)
        return run.dispatch_id, run.is_new
    had = await dispatches.had_today(connection, invoice_id) if only_others else set()
    stored, is_new = await _accept_one(connection, services, invoice_id, person, dispatch_id, not_to=had)
    if is_new and only_others and await overlaps.is_being_listed(connection, invoice_ids=[invoice_id]):
        raise Wrong(_BEING_LISTED)  # for nothing to stay
    if is_new:  # of a run it is written down by whoever stores one
        detail = {"dispatch": str(stored)}
        await accounts.audit(connection, actor=person.actor, action="dispatch_created", detail=detail)
    return stored, is_new


def _looked_at(form: FormData) -> datetime | None:
    """Give when the simulation was made that a form came with; None where it does not say."""
    said = fields.text(form, "simulado_em", most=40)
    if not said:
        return None
    try:
        found = datetime.fromisoformat(said)
        moment = found.astimezone(UTC)  # of the calendar's first and last day there may be none
    except (ValueError, OverflowError):
        raise Wrong(_NOT_SIMULATED) from None
    if found.tzinfo is None:
        raise Wrong(_NOT_SIMULATED)
    return moment


async def _check_alone(connection: Connection, wanted: Selection, stored: UUID, looked_at: datetime) -> None:
    """Refuse what another dispatch of the same invoices has overtaken: raises Wrong, for nothing to stay."""
    if await overlaps.stored_since(
        connection,
        looked_at,
        but_for=stored,
        invoice_ids=wanted.invoice_ids,
        due_from=wanted.due_from,
        due_to=wanted.due_to,
    ):
        raise Wrong(_OVERTAKEN)


async def _check_size(connection: Connection, wanted: Selection, seen: int) -> None:
    """Refuse a period that has many more invoices than were looked at: raises Wrong, for nothing to stay."""
    more = await count_due(connection, due_from=wanted.due_from, due_to=wanted.due_to) - seen
    if more * 100 > seen * _GROWTH:
        many = words.several(more, "fatura entrou", "faturas entraram")
        raise Wrong(f"Nada foi feito: desde a sua simulação {many} nesta lista. Simule de novo.")


async def _accept_one(
    connection: Connection,
    services: PanelServices,
    invoice_id: int,
    person: Person,
    key: UUID,
    *,
    not_to: Collection[str],
) -> tuple[UUID, bool]:
    """Send one invoice as its customer asked for it, by the way of single calls; tells whether it is new."""
    call = Call(
        invoice_id=invoice_id,
        extra_phones=(),
        caller=Caller(None, person.user_id, Purpose.REQUESTED, 0, 0),
        render=lambda accepted: str(accepted.dispatch_id).encode(),
        key=Key(0, person.user_id, _ROUTE, str(key), hashlib.sha256(str(invoice_id).encode()).digest()),
        not_to=not_to,
    )
    (verdict,), _ = await accept_batch(connection, [call], services.accept, Slots())
    if isinstance(verdict, Refused) and verdict.reason is Reason.NOBODY and not_to:
        raise Wrong(
            "Todos os telefones desta fatura já receberam o SMS dela nas últimas 24 horas, "
            "ou ainda vão receber."
        )
    if isinstance(verdict, Refused):
        raise Wrong(_REFUSED.get(verdict.reason, "A simulação é de outra fatura. Simule de novo."))
    if not isinstance(verdict, Done):
        raise KeyInUse
    return UUID(verdict.response.decode()), not verdict.replayed
