"""Disparos: the list, and one dispatch with its progress."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Protocol
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from disparo.db import accounts, dispatch_pages, dispatches, message_pages, sessions
from disparo.db.pool import Pool
from disparo.dispatch import bulk_control, cancel
from disparo.panel import export, fields, messages
from disparo.panel.access import Person
from disparo.panel.attention import CANCELLED
from disparo.panel.cursors import moment_and_text, read_moment_and_uuid
from disparo.panel.fields import Wrong
from disparo.panel.notices import done
from disparo.panel.pages import Pager, fragment, render
from disparo.panel.progress import Progress, read_progress
from disparo.panel.services import PanelServices, services_of
from disparo.wording import words

_PATH = "/painel/disparos"
_PER_PAGE = 50
_KINDS = {"single": "avulso", "bulk": "em lote"}
_PAUSED = "Disparo pausado: nada mais sai até alguém retomar."
_OVER = "Nada foi feito: este disparo já acabou. Abra a página dele de novo."
#: Progress is looked at so often, and a page left open is let go after so long: it asks again by itself.
_LOOK_EVERY_S, _KEEP_ALIVE_S, _LONGEST_S = 1.0, 15.0, 900.0


class _Change(Protocol):
    async def __call__(self, pool: Pool, dispatch_id: UUID, *, actor: str) -> bool: ...


async def show(request: Request, person: Person) -> Response:
    """Show one page of the list."""
    del person
    services, query = services_of(request), request.query_params
    since, until, wrong = fields.filter_span(query, services.settings.zone)
    before = read_moment_and_uuid(fields.text(query, "antes"))
    async with services.pool.acquire() as connection:
        rows = await dispatch_pages.page(
            connection,
            kind=fields.choice(query, "tipo", _KINDS) or None,
            since=since,
            until=until,
            before=before,
            limit=_PER_PAGE,
        )
        people = await accounts.names(connection)
    chosen = {name: fields.text(query, name) for name in ("tipo", "de", "ate")}
    kept = {name: value for name, value in chosen.items() if value}
    more = len(rows) > _PER_PAGE
    rows = rows[:_PER_PAGE]
    return render(
        request,
        "disparos.html",
        status=422 if wrong else 200,
        wrong=wrong,
        rows=[
            (row, Progress(json.loads(row["counts"] or "{}"), row["state"]), _who(row, people))
            for row in rows
        ],
        chosen=chosen,
        kinds=_KINDS,
        page=Pager.of(
            _PATH, kept, past_first=before is not None, cursor={"antes": _place(rows[-1])} if more else None
        ),
    )


async def show_one(request: Request, person: Person) -> Response:
    """Show one dispatch: progress, reasons, messages."""
    del person
    services, query = services_of(request), request.query_params
    dispatch_id, status = fields.named_uuid(request), fields.choice(query, "situacao", words.STATUS)
    async with services.pool.acquire() as connection:
        dispatch = await dispatches.read(connection, dispatch_id)
        if dispatch is None:
            raise HTTPException(404)
        progress, left_out = await read_progress(connection, services, dispatch_id)
        reasons = await dispatch_pages.reasons(connection, dispatch_id)
        rows, after = await message_pages.of_dispatch(
            connection,
            dispatch_id,
            status=status or None,
            after=_read_place(fields.text(query, "depois")),
            limit=_PER_PAGE,
        )
        codes = await message_pages.codes(connection, rows)
        people = await accounts.names(connection)
    here = f"{_PATH}/{dispatch_id}"
    kept = {"situacao": status} if status else {}
    return render(
        request,
        "disparo.html",
        dispatch=dispatch,
        progress=progress,
        reasons=reasons,
        looked_at=dispatch_pages.LOOKED_AT,
        ignored=json.loads(dispatch["ignored"]),
        left_out=left_out,
        rows=rows,
        codes=codes,
        looked_on=after is not None and len(rows) < _PER_PAGE,
        chosen=status,
        export_address=f"{here}/mensagens.csv?{urlencode(kept)}",
        who=_who(dispatch, people),
        page=Pager.of(
            here,
            kept,
            past_first="depois" in query,
            cursor={"depois": f"{after[0]}.{after[1]}"} if after else None,
        ),
    )


async def show_progress(request: Request, person: Person) -> Response:
    """Send a dispatch's figures whenever they change; ends by itself when nothing is left to hand over.

    With `montando` it ends too when the list, of which the page has but a part, stands whole; with `estado`,
    the run's own as the page has it, when somebody pauses or resumes it: the buttons are others then.
    """
    del person
    query = request.query_params
    stream = _progress(
        request,
        fields.named_uuid(request),
        until_whole="montando" in query,
        while_state=query.get("estado"),
    )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _progress(
    request: Request, dispatch_id: UUID, *, until_whole: bool, while_state: str | None
) -> AsyncIterator[str]:
    services = services_of(request)
    before, quiet_s, age_s = "", 0.0, 0.0
    while age_s < _LONGEST_S and not services.ending.is_set():
        async with services.pool.acquire() as connection:
            if await sessions.read_live(connection, request.state.person.token_sha256) is None:
                return
            progress, _ = await read_progress(connection, services, dispatch_id)
        shown = fragment(request, "_progresso.html", progress=progress)
        is_same = while_state in (None, progress.state or "")
        if progress.is_over or (until_whole and progress.is_whole) or not is_same:
            yield _event("fim", shown)
            return
        if shown != before:
            yield _event("progresso", shown)
            before, quiet_s = shown, 0.0
        elif quiet_s >= _KEEP_ALIVE_S:
            yield ": ainda aqui\n\n"
            quiet_s = 0.0
        try:
            async with asyncio.timeout(_LOOK_EVERY_S):
                await services.ending.wait()
        except TimeoutError:
            quiet_s += _LOOK_EVERY_S
            age_s += _LOOK_EVERY_S


def _event(name: str, shown: str) -> str:
    lines = "".join(f"data: {line}\n" for line in shown.splitlines())
    return f"event: {name}\n{lines}\n"


async def show_csv(request: Request, person: Person) -> Response:
    """Give a dispatch's messages, or those in one state, as a file."""
    services, dispatch_id = services_of(request), fields.named_uuid(request)
    status = fields.choice(request.query_params, "situacao", words.STATUS) or None
    async with services.pool.acquire() as connection:
        if not await dispatches.existing(connection, [dispatch_id]):
            raise HTTPException(404)
        await accounts.audit(
            connection, actor=person.actor, action="exported", detail={"dispatch": str(dispatch_id)}
        )
    return export.answer(f"disparo-{dispatch_id}", messages.HEADER, _lines(services, dispatch_id, status))


async def _lines(
    services: PanelServices, dispatch_id: UUID, status: str | None
) -> AsyncIterator[list[object]]:
    after: tuple[int, str] | None = None
    while True:
        async with services.pool.acquire() as connection:
            rows, after = await message_pages.of_dispatch(
                connection, dispatch_id, status=status, after=after, limit=export.PAGE
            )
            codes = await message_pages.codes(connection, rows)
        for row in rows:
            yield export.message_line(row, services.settings.zone, codes.get(row["id"]))
        if after is None:
            return


async def withdraw(request: Request, person: Person) -> Response:
    """Cancel what has not gone yet."""
    dispatch_id, pool = fields.named_uuid(request), services_of(request).pool
    result = await bulk_control.cancel_run(pool, dispatch_id, actor=person.actor)
    if result is None:
        async with pool.acquire() as connection, connection.transaction():
            result = await cancel.cancel_dispatch(connection, dispatch_id, actor=person.actor)
    if result is None:
        raise HTTPException(404)
    gone = words.several(result.gone, "já tinha saído e não volta", "já tinham saído e não voltam")
    notice = f"{words.several(result.cancelled, *CANCELLED)}. {gone}."
    if result.again:
        notice += f" {words.several(result.again, *words.NOT_AGAIN)}."
    if result.is_unlisted:
        notice += f" {words.UNLISTED}."
    is_done = result.is_unlisted or result.cancelled + result.again > 0
    return await done(request, person, notice, f"{_PATH}/{dispatch_id}", is_done=is_done)


async def pause(request: Request, person: Person) -> Response:
    """Let nothing more of a bulk run go."""
    return await _change(request, person, bulk_control.pause_run, _PAUSED)


async def resume(request: Request, person: Person) -> Response:
    """Let a paused bulk run go on."""
    return await _change(request, person, bulk_control.resume_run, "Disparo retomado.")


async def _change(request: Request, person: Person, change: _Change, notice: str) -> Response:
    dispatch_id = fields.named_uuid(request)
    try:
        found = await change(services_of(request).pool, dispatch_id, actor=person.actor)
    except bulk_control.NotPossible:
        raise Wrong(_OVER) from None
    if not found:
        raise HTTPException(404)
    return await done(request, person, notice, f"{_PATH}/{dispatch_id}")


def _who(row: asyncpg.Record, people: Mapping[int, str]) -> str:
    user, client = row["user_id"], row["client_id"]
    if user is None and client is None and row["actor"]:
        return words.actor(row["actor"], people)  # of the command line
    name = people.get(user, f"usuário {user}") if isinstance(user, int) else "o programa"
    return f"{name} pela API (cliente {client})" if client is not None else name


def _place(row: asyncpg.Record) -> str:
    return moment_and_text(row["created_at"], str(row["id"]))


def _read_place(text: str) -> tuple[int, str] | None:
    invoice, _, e164 = text.partition(".")
    invoice_id = fields.id_of(invoice)
    return None if invoice_id is None else (invoice_id, e164)
