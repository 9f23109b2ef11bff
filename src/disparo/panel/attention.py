"""Incertas e retidas: what waits for a person, settled one by one or many at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, bulk_runs, day, installation, messages, overlaps, unsettled
from disparo.db.messages import Move
from disparo.db.pool import Connection
from disparo.dispatch import reconcile
from disparo.domain.message import Event, Status
from disparo.panel import fields
from disparo.panel.access import Forbidden, Person
from disparo.panel.fields import Wrong
from disparo.panel.notices import done
from disparo.panel.pages import Pager, render
from disparo.panel.services import services_of
from disparo.wording import words

_SHOWN = 100
_AT_ONCE = 10_000
_MORE = " Ainda há outras neste filtro: repita para continuar."
_LATER = " As que ficaram incertas depois que você abriu a página não foram tocadas: veja abaixo."
#: Nobody looks at an empty page for longer; a proxy would give up after a minute.
_LONGEST_S = 20.0
_QUEUED = ("mensagem de volta à fila", "mensagens de volta à fila")
_PAUSED = ("disparo está pausado, e nada dele sai", "disparos estão pausados, e nada deles sai")
_NOT_AGAIN = (
    "não volta: a situação mudou, ou o disparo dela foi cancelado",
    "não voltam: a situação mudou, ou o disparo delas foi cancelado",
)
_GIVEN = ("mensagem dada como enviada", "mensagens dadas como enviadas")
CANCELLED = ("mensagem cancelada", "mensagens canceladas")
_UNCERTAIN, _HELD = "/painel/incertas", "/painel/retidas"
_NOT_ANY_MORE = "Nada foi feito: a situação das mensagens mudou enquanto a página estava aberta. Veja abaixo."
_FILTER = ("plataforma", "de", "ate")

_Span = tuple[datetime | None, datetime | None]


class _NothingChosen(Exception):
    """Of a list nothing was ticked, or its filter finds nothing."""

    def __str__(self) -> str:
        return "Nada foi feito: marque ao menos uma mensagem."


async def show_uncertain(request: Request, person: Person) -> Response:
    """Show uncertain messages, the oldest first."""
    del person
    query = request.query_params
    after = fields.number(query, "depois") or 0
    since, until, wrong = fields.filter_span(query, services_of(request).settings.zone)
    async with services_of(request).pool.acquire() as connection:
        seen_at = await overlaps.moment(connection)
        rows = await _uncertain(connection, query, (since, until), _SHOWN + 1, after=after)
    chosen = {name: fields.text(query, name) for name in _FILTER}
    kept = {name: value for name, value in chosen.items() if value}
    return render(
        request,
        "incertas.html",
        status=422 if wrong else 200,
        wrong=wrong,
        rows=rows[:_SHOWN],
        seen_at=seen_at,
        is_all=not after and len(rows) <= _SHOWN,
        page=_pager(_UNCERTAIN, kept, rows, after),
        chosen=chosen,
        platforms=list(services_of(request).platforms),
    )


async def settle_uncertain(request: Request, person: Person) -> Response:
    """Send again or give as sent: the ticked ones, or all that a platform and a period name.

    Of these none that is uncertain only since the page was shown: nobody has looked for it.
    """
    form = await fields.read_form(request)
    everything, seen_at = fields.text(form, "quais") == "filtro", fields.moment(form, "visto")
    action = fields.text(form, "acao")
    # Without its filter the page would have "todas deste filtro" mean all there are.
    kept = urlencode({name: fields.text(form, name) for name in _FILTER if fields.text(form, name)})
    address = f"{_UNCERTAIN}?{kept}"
    try:
        async with services_of(request).pool.acquire() as connection, connection.transaction():
            span = fields.span(form, services_of(request).settings.zone)
            found = await _uncertain(connection, form, span, _AT_ONCE + 1) if everything else []
            old = [row["id"] for row in found if seen_at is None or row["changed_at"] <= seen_at]
            wanted = old[:_AT_ONCE] if everything else fields.ids(form)
            _check(person, wanted)
            settled = await _settle(connection, wanted, action, person)
            still = _still(await bulk_runs.paused(connection, of=settled)) if action == "reenviar" else ""
            done_as = "resent" if action == "reenviar" else "given_as_sent"
            await _audit(connection, person, done_as, len(settled))
    except (reconcile.NotAgain, _NothingChosen) as refused:
        later = _LATER if found and not old else ""
        return await done(request, person, f"{refused}{later}", address, is_done=False)
    said = _QUEUED if action == "reenviar" else _GIVEN
    more = (_MORE if len(found) > _AT_ONCE else "") + (_LATER if len(old) < len(found) else "")
    if settled and action == "reenviar" and len(settled) < len(wanted):
        more = f" {words.several(len(wanted) - len(settled), *_NOT_AGAIN)}.{more}"
    return await _settled(request, person, {said: len(settled)}, address, more + still)


async def _settle(connection: Connection, wanted: list[int], action: str, person: Person) -> list[int]:
    if action == "reenviar":
        return await reconcile.resend(connection, wanted, actor=person.actor)
    if action == "dar-como-enviada":
        return await reconcile.give_as_sent(connection, wanted, actor=person.actor)
    raise Wrong("Escolha o que fazer com as mensagens.")


def _pager(path: str, kept: Mapping[str, str], rows: Sequence[asyncpg.Record], after: int) -> Pager:
    cursor = {"depois": rows[_SHOWN - 1]["id"]} if len(rows) > _SHOWN else None
    return Pager.of(path, kept, past_first=bool(after), cursor=cursor)


async def _uncertain(
    connection: Connection, query: FormData | QueryParams, span: _Span, limit: int, *, after: int = 0
) -> list[asyncpg.Record]:
    platform = fields.text(query, "plataforma") or None
    return await unsettled.list_uncertain(
        connection, platform=platform, since=span[0], until=span[1], after=after, limit=limit
    )


async def show_held(request: Request, person: Person) -> Response:
    """Show held messages, the oldest first."""
    del person
    after = fields.number(request.query_params, "depois") or 0
    async with services_of(request).pool.acquire() as connection:
        rows = await unsettled.list_held(connection, after=after, limit=_SHOWN + 1)
        total = (await day.needing_a_person(connection))["held"]
        by_restore = await installation.is_held(connection)
    return render(
        request,
        "retidas.html",
        rows=rows[:_SHOWN],
        total=total,
        more=total >= day.MOST,
        by_restore=by_restore,
        page=_pager(_HELD, {}, rows, after),
    )


async def settle_held(request: Request, person: Person) -> Response:
    """Let held messages go, or cancel them."""
    form = await fields.read_form(request)
    wanted, action = fields.ids(form), fields.text(form, "acao")
    try:
        if action == "cancelar":
            return await _cancel_held(request, person, wanted)
        if action == "retomar":
            return await _resume(request, person)
        return await _release_held(request, person, wanted)
    except _NothingChosen as refused:
        return await done(request, person, str(refused), _HELD, is_done=False)


async def _release_held(request: Request, person: Person, wanted: list[int]) -> Response:
    _check(person, wanted)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        moved = await reconcile.release_held(connection, wanted, actor=person.actor)
        await _audit(connection, person, "released", len(moved))
        still = _still(await bulk_runs.paused(connection, of=moved))
    return await _settled(request, person, {_QUEUED: len(moved)}, _HELD, still)


async def _cancel_held(request: Request, person: Person, wanted: list[int]) -> Response:
    if not person.may("cancel"):
        raise Forbidden("cancel")
    _check_any(wanted)
    moves = [Move(id_, Event.CANCEL, "cancelled") for id_ in wanted]
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        moved = await messages.apply_events(connection, moves, actor=person.actor)
        await _audit(connection, person, "message_cancelled", len(moved))
    uncertain = sum(item.after is Status.UNCERTAIN for item in moved)
    said = {words.NOT_AGAIN: uncertain, CANCELLED: len(moved) - uncertain}
    return await _settled(request, person, said, _HELD)


async def _resume(request: Request, person: Person) -> Response:
    if not person.may("admin"):
        raise Forbidden("admin")
    total, is_all, until = 0, False, time.monotonic() + _LONGEST_S
    while not is_all and time.monotonic() < until:
        async with services_of(request).pool.acquire() as connection, connection.transaction():
            moved, is_all = await reconcile.resume_some(connection, actor=person.actor)
            await accounts.audit(
                connection, actor=person.actor, action="resumed", detail={"messages": len(moved)}
            )
        total += len(moved)
    more = "" if is_all else " Ainda há retidas: libere de novo para continuar."
    async with services_of(request).pool.acquire() as connection:
        more += _still(await bulk_runs.paused(connection))
    return await done(request, person, f"{words.several(total, *_QUEUED)}.{more}", _HELD)


def _still(paused: Sequence[UUID]) -> str:
    """Say that nothing of these runs goes yet; nothing of none."""
    if not paused:
        return ""
    them = "o abra em Disparos e retome" if len(paused) == 1 else "os abra em Disparos e retome, um a um"
    return f" {words.several(len(paused), *_PAUSED)} até que alguém {them}."


async def _settled(
    request: Request, person: Person, totals: Mapping[tuple[str, str], int], address: str, more: str = ""
) -> Response:
    """Say of how many what was done: `totals` by the words for one and for several."""
    said = [f"{words.several(total, *of)}." for of, total in totals.items() if total]
    text = (" ".join(said) or _NOT_ANY_MORE) + more
    return await done(request, person, text, address, is_done=bool(said))


async def _audit(connection: Connection, person: Person, action: str, total: int) -> None:
    if total:
        await accounts.audit(connection, actor=person.actor, action=action, detail={"messages": total})


def _check_any(wanted: list[int]) -> None:
    if not wanted:
        raise _NothingChosen


def _check(person: Person, wanted: list[int]) -> None:
    _check_any(wanted)
    needed = ("send_bulk",) if len(wanted) > 1 else ("send", "send_bulk")
    if not person.may(*needed):
        raise Forbidden(*needed)
